"""A Valkey, a scripted model and workers behind proxies, and everything that can be done to them."""

import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import redis

from aether.settings import Secret, Settings
from tests.chaos.load import Load
from tests.chaos.proxy import Link, Mode, Proxy
from tests.chaos.server import Fsync, Server
from tests.chaos.timeline import REDIS, Fault, Timeline
from tests.processes.process import Process
from tests.scripted_model import ModelProcess, Setup
from tests.service.stack import QUEUE, WORKER
from tests.waiting import until

POISONED_WORKER = [sys.executable, "-m", "tests.chaos.poisoned_worker"]
GRACE_S = 0.1
Break = Literal["reset", "half-open", "silent", "refused", "delay"]


class Worker:
    """One worker process and its two links; its name is also the model it asks for, so its calls can be told apart."""

    def __init__(self, name: str, to_redis: Link, to_model: Link) -> None:
        self.name = name
        self.to_redis = to_redis
        self.to_model = to_model
        self.process: Process
        self.asked = False  # to end, so that its end is no fault of its own

    def signal(self, number: signal.Signals) -> None:
        """Send it, unless another fault was faster and the process is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def close_links(self) -> None:
        self.to_redis.close()
        self.to_model.close()


class Fleet:
    """Everything that runs; what is started here has ended when the block has."""

    def __init__(self, folder: Path, setup: Setup, *, workers: int = 3, fsync: Fsync = "always") -> None:
        self.folder = folder
        self.size = workers
        self.command = WORKER
        self.timeline = Timeline()
        self.server = Server(folder / "valkey", fsync)
        self.model = ModelProcess(setup)
        self.workers: list[Worker] = []
        self.names: list[str] = []
        self.exits: list[str] = []
        self.load: Load
        self._proxy = Proxy()
        self._open = ExitStack()
        self._numbers = itertools.count()

    @property
    def client(self) -> redis.Redis:
        """A client that no fault touches but those of the server itself."""
        client: redis.Redis = self.server.client
        return client

    @property
    def settings(self) -> Settings:
        return Settings(redis_url=Secret(self.server.url))

    @property
    def environment(self) -> dict[str, str]:
        """No settings but these, whatever this process itself was started with; without addresses."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
        return inherited | {
            "AETHER_MODEL_READ_TIMEOUT": "10",
            "AETHER_WORKER_JOBS": "200",
            "AETHER_DATA_DIR": str(self.folder / "home"),
            "AETHER_RETRY_BASE": "0.05",
            "AETHER_RETRY_CAP": "0.5",
            "AETHER_STEP_ATTEMPTS": "40",
            "AETHER_SHUTDOWN_GRACE": str(GRACE_S),
        }

    def start_worker(self) -> Worker:
        """Start one more, not waiting until it is ready."""
        number = next(self._numbers)
        netloc = urlsplit(self.model.base_url).netloc
        worker = Worker(f"w{number}", self._proxy.link(self.server.path), self._proxy.link(netloc))
        worker.process = Process(self.command, self._environment_of(worker), self.folder / f"{worker.name}.log")
        self.workers.append(worker)
        self.names.append(worker.name)
        return worker

    def wait_until_ready(self) -> None:
        """Wait until every worker has been seen in Redis."""
        until(lambda: all(not worker.process.running or self._is_seen(worker) for worker in self.workers))

    def top_up(self) -> None:
        """Start workers until there are as many as there should be."""
        self.check_exits()
        while len(self.workers) < self.size:
            self.start_worker()

    def check_exits(self) -> None:
        """Put workers that ended by themselves on record."""
        for worker in [worker for worker in self.workers if not worker.process.running]:
            self._dismiss(worker)
            if not worker.asked:
                self.exits.append(f"{worker.name}: {worker.process.tail()[-1_500:]}")
                silent_s = max(0.0, time.time() - worker.process.log.stat().st_mtime)
                self.timeline.add(Fault("exit", worker.name, time.monotonic() - silent_s, time.monotonic()))

    def kill(self, worker: Worker) -> Fault:
        """End it without a warning; another is started in its place."""
        held, at = self.held_by(worker), time.monotonic()
        worker.process.end(signal.SIGKILL)
        return self._replaced(worker, Fault("kill", worker.name, at, at, held))

    def terminate(self, worker: Worker) -> Fault:
        """Ask it to end; another is started in its place first, as in a rolling deployment."""
        self._open_place()
        held, at = self.held_by(worker), time.monotonic()
        status = worker.process.end(signal.SIGTERM)
        if status:
            self.exits.append(f"{worker.name} ended with {status} after SIGTERM: {worker.process.tail()[-1_500:]}")
        return self._replaced(worker, Fault("term", worker.name, at, time.monotonic(), held))

    def ask_to_end(self, worker: Worker) -> None:
        """SIGTERM it without waiting; whoever tops up finds its place empty."""
        held, at = self.held_by(worker), time.monotonic()
        worker.asked = True
        worker.signal(signal.SIGTERM)
        self.timeline.add(Fault("term", worker.name, at, at + GRACE_S, held))

    @contextmanager
    def stopped(self, worker: Worker) -> Iterator[None]:
        """Stop it for as long as the block lasts: it wakes up as a zombie."""
        held, at = self.held_by(worker), time.monotonic()
        worker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            worker.signal(signal.SIGCONT)
            self.timeline.add(Fault("stop", worker.name, at, time.monotonic(), held))

    @contextmanager
    def broken(self, worker: Worker, how: Break, leg: Literal["redis", "model"] = "redis") -> Iterator[None]:
        """Break one of its links for as long as the block lasts."""
        link = worker.to_redis if leg == "redis" else worker.to_model
        held, at = self.held_by(worker), time.monotonic()
        _break(link, how)
        try:
            yield
        finally:
            link.set_mode(Mode.OPEN)
            link.set_delay(0)
            self.timeline.add(Fault(f"{leg} {how}", worker.name, at, time.monotonic(), held))

    def outage(self, seconds: float, *, power: bool = False) -> Fault:
        """Kill the server and start it again on its file; with `power` it loses what it had not synced, as well."""
        at = time.monotonic()
        self.server.kill()
        if power:
            self.server.lose_last_second()
        time.sleep(seconds)
        self.server.start()
        return self.timeline.add(Fault("power" if power else "outage", REDIS, at, time.monotonic()))

    def held_by(self, worker: Worker) -> frozenset[str] | None:
        """Return the ids of the jobs whose lease the worker has, by the claim tokens; None if Redis does not answer."""
        mark = b":%d:" % worker.process.pid
        try:
            ids: list[bytes] = self.server.client.zrange(QUEUE, 0, -1)
            leases = [b"arq:in-progress:" + job_id for job_id in ids]
            tokens: list[bytes | None] = self.server.client.mget(leases) if ids else []
        except (redis.RedisError, OSError):
            return None
        return frozenset(job_id.decode() for job_id, token in zip(ids, tokens, strict=True) if token and mark in token)

    def _replaced(self, worker: Worker, fault: Fault) -> Fault:
        self._dismiss(worker)
        self.timeline.add(fault)
        self.top_up()
        return fault

    def _open_place(self) -> None:
        self.start_worker()
        self.wait_until_ready()

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.close_links()

    def _is_seen(self, worker: Worker) -> bool:
        try:
            members: list[bytes] = self.server.client.zrange("aether:workers", 0, -1)
        except (redis.RedisError, OSError):
            return False
        return any(member.endswith(b":%d" % worker.process.pid) for member in members)

    def _environment_of(self, worker: Worker) -> dict[str, str]:
        return self.environment | {
            "REDIS_URL": f"redis://127.0.0.1:{worker.to_redis.port}/0",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{worker.to_model.port}/v1",
            "AETHER_MODEL": worker.name,
        }

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.callback(self._end_workers)
            opening.enter_context(self._proxy)
            opening.enter_context(self.model)
            opening.enter_context(self.server)
            self.load = opening.enter_context(Load(self.settings))
            self.top_up()
            self.wait_until_ready()
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end_workers()
        self._open.close()

    def _end_workers(self) -> None:
        for worker in self.workers:
            worker.process.end(signal.SIGKILL)
        self.workers.clear()


def _break(link: Link, how: Break) -> None:
    match how:
        case "reset":
            link.reset_all()
        case "half-open":
            link.forget_all()
        case "silent":
            link.set_mode(Mode.SILENT)
        case "refused":
            link.set_mode(Mode.REFUSED)
        case "delay":
            link.set_delay(0.2)
