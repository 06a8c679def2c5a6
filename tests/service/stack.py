"""Every process of the service around one real Valkey and one scripted model, each to be stopped and killed alone."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import redis

from aether.adapters.local.embedded_valkey import find_valkey
from aether.adapters.redis.keys import DIALECTS, TEMPLATE, TEMPLATES
from aether.settings import Settings
from tests.processes.process import Process
from tests.scripted_model import Call, ScriptedModel, Setup
from tests.scripted_model.classifier import unescape
from tests.waiting import PATIENCE_S, pause, until

KEY = "sk-zq7-a-key-that-must-not-show-anywhere"
MODEL = "scripted-model"
JOB = "aether:job:"
QUEUE = Settings().queue
API = [sys.executable, "-m", "aether", "api", "--port", "0"]
WORKER = [sys.executable, "worker.py"]
ARQ_WORKER = [sys.executable, "-m", "arq", "worker.WorkerSettings"]

Json = dict[str, Any]  # what the service answers is asserted field by field

_PROMPT_WORDS = (b"You plan reports", b"You write one section", b"Write section", b"Write the outline", b"<topic>")


class Valkey:
    """A real server on a unix socket; it comes back with what it had."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir()
        self._options = options
        self._folder = folder
        self._socket = folder / "s"
        self.url = f"unix://{self._socket}"
        # Any: redis-py types the answers of its two kinds of client as one.
        self.client: Any = redis.Redis.from_url(self.url)
        self._process: Process | None = None

    def start(self) -> None:
        options = f"--port 0 --unixsocket {self._socket} --dir {self._folder} --appendonly yes --appendfsync always"
        own = ["--save", "", "--maxmemory-policy", "noeviction", *self._options]
        process = self._process = Process(
            [str(find_valkey()), *options.split(), *own], os.environ, self._folder / "out"
        )
        until(lambda: self.answers() or not process.running)
        assert process.running, process.tail()

    def end(self, sig: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.end(sig)
            self.client.connection_pool.disconnect()

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def keys_of(self, job_id: str) -> list[bytes]:
        """Return every key that names the job, and every sorted set of which a member does."""
        name = job_id.encode()
        keys = [key for key in self.client.scan_iter(count=1_000) if name in key]
        sets = [(key, self.client.zrange(key, 0, -1)) for key in self.client.scan_iter(_type="zset")]
        return keys + [key for key, members in sets if any(name in member for member in members)]


class Stack:
    """API, workers, Valkey and model; what is started here has ended when the block has.

    Every HTTP answer to `http` is kept, for `leaks`.
    """

    def __init__(self, folder: Path, valkey: Valkey | None = None, **environment: str) -> None:
        self.folder = folder
        self.valkey = valkey or Valkey(folder / "valkey")
        self.model = ScriptedModel()
        self.workers: list[Process] = []
        self.api: Process
        self.http: httpx2.Client
        self.answers: list[bytes] = []
        self.secrets = [KEY]
        self._topics: set[bytes] = set()
        self._logs = 0
        self._environment = environment

    @property
    def url(self) -> str:
        return str(self.http.base_url)

    @property
    def environment(self) -> dict[str, str]:
        """No settings but these, whatever the tests themselves were started with."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
        return inherited | {
            "REDIS_URL": self.valkey.url,
            "OPENAI_BASE_URL": self.model.base_url,
            "OPENAI_API_KEY": KEY,
            "AETHER_MODEL": MODEL,
            "AETHER_IMAGE_MODEL": MODEL,
            "AETHER_DATA_DIR": str(self.folder / "home"),
            "AETHER_MODEL_CONNECT_TIMEOUT": "60",
            "AETHER_RETRY_BASE": "0.02",
            "AETHER_RETRY_CAP": "0.2",
            "AETHER_SHUTDOWN_GRACE": "0.1",
            "AETHER_WEBHOOK_HOSTS": "localhost",
            "AETHER_WEBHOOK_SCHEDULE": "0.05,3600",
            **self._environment,
        }

    def spawn(self, command: list[str], **environment: str) -> Process:
        self._logs += 1
        log = self.folder / f"{self._logs}-{'api' if 'api' in command else 'worker'}.log"
        return Process(command, self.environment | environment, log)

    def start_api(self) -> None:
        """Start the API, on another port than any before; returns when it answers."""
        self.api = self.spawn(API)
        until(lambda: not self.api.running or _port_of(self.api.pid))
        assert self.api.running, self.api.tail()
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{_port_of(self.api.pid)}",
            timeout=PATIENCE_S,
            event_hooks={"response": [self._keep]},
        )

    @contextmanager
    def another_api(self, command: list[str] = API, **environment: str) -> Iterator[str]:
        """Run one more API process, and tell its URL."""
        api = self.spawn(command, **environment)
        try:
            until(lambda: not api.running or _port_of(api.pid))
            assert api.running, api.tail()
            yield f"http://127.0.0.1:{_port_of(api.pid)}"
        finally:
            api.end()

    def start_worker(self, command: list[str] = WORKER, **environment: str) -> Process:
        """Start one more worker; `ready` tells when it is there."""
        worker = self.spawn(command, **environment)
        self.workers.append(worker)
        return worker

    def ready(self, worker: Process) -> Process:
        """Wait until the worker is seen in Redis."""
        until(lambda: self._is_seen(worker) or not worker.running)
        assert worker.running, worker.tail()
        return worker

    def end_workers(self, sig: signal.Signals = signal.SIGKILL) -> None:
        for worker in self.workers:
            worker.end(sig)
        self.workers.clear()

    def end_api(self, sig: signal.Signals = signal.SIGTERM) -> None:
        self.http.close()
        self.api.end(sig)

    def fresh(self) -> None:
        """Give the next test a model without rules or record, no template, and no job that still runs."""
        for job_id in self.valkey.client.zrange(QUEUE, 0, -1):
            for path in ("/reports", "/jobs", "/api/generation"):
                self.http.post(f"{path}/{job_id.decode()}/cancel")
        until(lambda: not self.model.in_flight)
        self._topics |= self._topics_now()
        # What workers have learned of one test's model is wrong for the next one's.
        left = tuple(name.encode() for name in (DIALECTS, TEMPLATE, TEMPLATES))
        for key in self.valkey.client.scan_iter(count=1_000):
            if key.startswith(left):
                self.valkey.client.delete(key)
        self.model.use([], Setup())
        self.model.reset()

    def submit(self, topic: str, **options: object) -> str:
        answer = self.http.post("/reports", json={"topic": topic, **options})
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["jobId"]
        return job_id

    def get(self, job_id: str) -> Json:
        answer = self.http.get(f"/reports/{job_id}")
        assert answer.status_code == 200, answer.text
        job: Json = answer.json()
        return job

    def when(self, job_id: str, status: str) -> Json:
        """Return the job once it has this status; any other end is an error."""
        begun = time.monotonic()
        while (job := self.get(job_id))["status"] != status:
            waited = time.monotonic() - begun
            assert job["status"] in {"pending", "processing"}, job
            assert waited < PATIENCE_S, job
            time.sleep(pause(waited))
        return job

    def leaks(self) -> list[str]:
        """Tell where one of the `secrets` stands, which may stand nowhere, and where topics or prompts are logged."""
        texts = {f"{path}": path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        texts |= {f"an answer: {answer!r}": answer for answer in self.answers}
        secrets = [secret.encode() for secret in self.secrets]
        found = [f"secret in {where}" for where, text in texts.items() if any(secret in text for secret in secrets)]
        topics = self._topics | self._topics_now()
        for path in self.folder.glob("*.log"):
            said = path.read_bytes()
            found += [f"{words!r} in {path}" for words in (*_PROMPT_WORDS, *topics) if words in said]
        return found

    def _keep(self, response: httpx2.Response) -> None:
        headers = b"\n".join(b"%b: %b" % pair for pair in response.headers.raw)
        self.answers.append(headers + response.read())

    def _is_seen(self, worker: Process) -> bool:
        members = self.valkey.client.zrange("aether:workers", 0, -1)
        return any(member.endswith(f":{worker.pid}".encode()) for member in members)

    def _topics_now(self) -> set[bytes]:
        return {topic.encode() for call in self.model.calls() if len(topic := topic_of(call)) > 8}

    def __enter__(self) -> Self:
        self.model.start()
        try:
            self.valkey.start()
            self.start_api()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self.end_workers()
        if hasattr(self, "api"):
            self.api.end(signal.SIGKILL)
        if hasattr(self, "http"):
            self.http.close()
        self.valkey.end(signal.SIGKILL)
        self.model.stop()


def topic_of(call: Call) -> str:
    """Return whose call it is; `Call.topic` of an outline is that of the examples in the prompt."""
    if call.kind in {"image", "file"}:
        return call.topic
    turns = (turn["content"] for turn in reversed(call.body["messages"]) if turn["role"] == "user")
    found = (re.match(r"<topic>\n(.*)\n</topic>", turn) for turn in turns)
    return next((unescape(match[1]) for match in found if match), "")


def _port_of(pid: int) -> int:
    """Return the port on which the process listens, or 0: `aether api --port 0` tells it to nobody."""
    inodes = set(_sockets_of(pid))
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    listening = (fields for fields in lines if fields[3] == "0A" and fields[9] in inodes)
    return next((int(fields[1].rpartition(":")[2], 16) for fields in listening), 0)


def _sockets_of(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            opened = str(descriptor.readlink())
        except OSError:
            continue
        if found := re.fullmatch(r"socket:\[(\d+)\]", opened):
            yield found[1]
