"""Replication: a primary and a replica, which Sentinel or a person makes the primary."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import redis
from typing_extensions import override

from aether.adapters.local.embedded_valkey import find_valkey
from tests.processes.process import Process
from tests.processes.redis_server import HOST, RedisServer, free_port
from tests.service.stack import Valkey
from tests.waiting import until

NAME = "main"


class Replication(Valkey):
    """Two servers and perhaps a Sentinel; `url` is what the service is given, the Sentinel's or any other."""

    def __init__(self, folder: Path, url: str = "", binary: str | None = None) -> None:
        super().__init__(folder)
        self._binary = binary or str(find_valkey())
        options = ("--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
        self.first, self.second = (
            RedisServer(folder / name, *options, binary=self._binary, port=free_port()) for name in ("a", "b")
        )
        self._sentinel_port = free_port()
        self._sentinel: Process | None = None
        self._has_sentinel = not url
        self.url = url or f"sentinel://{HOST}:{self._sentinel_port}/{NAME}/0"

    # Any: redis-py types the answers of its two kinds of client as one.
    @property
    def client(self) -> Any:
        """A client of the server that is the primary now."""
        return self.primary.client

    @client.setter
    def client(self, _: Any) -> None:
        """There is no client of the parent's server."""

    @property
    def primary(self) -> RedisServer:
        return self.second if self.is_promoted() else self.first

    def is_promoted(self) -> bool:
        """Whether the second server has become the primary."""
        try:
            return bool(self.second.client.role()[0] == b"master")
        except (redis.RedisError, AttributeError):
            return False

    @override
    def start(self) -> None:
        self.first.start()
        self.second.start()
        self.second.client.replicaof(HOST, self.first.port)
        until(lambda: self.second.client.info("replication")["master_link_status"] == "up")
        if self._has_sentinel:
            self._start_sentinel()

    def _start_sentinel(self) -> None:
        settings = self._folder / "sentinel.conf"
        settings.write_text(
            f"port {self._sentinel_port}\nbind {HOST}\ndir {self._folder}\n"
            f"sentinel monitor {NAME} {HOST} {self.first.port} 1\n"
            f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
        )
        command = [self._binary, str(settings), "--sentinel"]
        sentinel = self._sentinel = Process(command, os.environ, self._folder / "sentinel.log")
        with redis.Redis(host=HOST, port=self._sentinel_port) as client:
            until(lambda: _knows_replica(client) or not sentinel.running)
        assert sentinel.running, sentinel.tail()

    def replicate(self) -> None:
        """Wait until the replica has all that the primary has now."""
        offset = self.first.client.info("replication")["master_repl_offset"]
        until(lambda: self.second.client.info("replication")["slave_repl_offset"] >= offset)

    def switch(self) -> None:
        """Make the second server the primary, and the first its replica; every connection stays open."""
        self.second.client.replicaof("NO", "ONE")
        self.first.client.replicaof(HOST, self.second.port)

    def promotion(self) -> float:
        """Wait until the second server is the primary, and return when that was seen."""
        until(self.is_promoted)
        return time.monotonic()

    @override
    def end(self, sig: signal.Signals = signal.SIGTERM) -> None:
        for server in (self.first, self.second):
            server.__exit__(None, None, None)
        if self._sentinel is not None:
            self._sentinel.end(signal.SIGKILL)


def _knows_replica(client: "redis.Redis") -> bool:
    try:
        # Any: as above
        known: Any = client.sentinel_slaves(NAME)  # type: ignore[no-untyped-call]  # so it is in redis-py
        return bool(known) and known[0]["master-link-status"] in {"ok", b"ok"}
    except redis.RedisError:
        return False
