"""Server check: whether a Redis can keep jobs, by what it says about itself."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from aether.leased_queue.server_version import MIN_VERSION, UnsupportedServerError, check_version
from aether.setting_types import Durability

_WAITAOF_VERSION = (7, 2)
_NO_EVICTION = "noeviction"


class ServerReport(msgspec.Struct, frozen=True):
    """What a server says about itself; None where it says nothing."""

    name: str
    eviction: str | None = None
    has_append_only_file: bool | None = None
    replicas: int | None = None
    version_fault: str | None = None
    has_waitaof: bool = True
    is_valkey: bool = False
    fsync: str | None = None
    is_cluster: bool = False

    @classmethod
    def parse(cls, info: Mapping[str, Any], fsync: str | None = None) -> Self:  # Any: as redis-py parses INFO
        """Read an answer to INFO; `fsync` is its appendfsync, which INFO does not tell."""
        valkey = info.get("valkey_version")
        append_only = info.get("aof_enabled")
        return cls(
            f"Valkey {valkey}" if valkey else f"Redis {info.get('redis_version', 'of an unknown version')}",
            info.get("maxmemory_policy"),
            None if append_only is None else append_only == 1,
            info.get("connected_slaves"),
            _version_fault(info, MIN_VERSION),
            _version_fault(info, _WAITAOF_VERSION) is None,
            valkey is not None,
            fsync,
            "cluster" in {info.get("redis_mode"), info.get("server_mode")},
        )

    def refusal(self, *, allow_eviction: bool, durable: Durability = "memory", key_prefix: str = "") -> str | None:
        """Return why this server must not keep jobs, as a sentence without its full stop."""
        if self.version_fault:
            return self.version_fault
        if self.is_cluster and "{" not in key_prefix:
            return "Redis is a cluster, so AETHER_KEY_PREFIX needs a hash tag, such as {aether}:"
        if durable == "local" and (why := self._local_fault()):
            return f"AETHER_DURABLE is local, {why}"
        if self.eviction in {None, _NO_EVICTION} or allow_eviction:
            return None
        return (
            f"Redis may delete jobs that it has accepted: its maxmemory-policy is {self.eviction}. "
            f"Set it to {_NO_EVICTION}, or AETHER_ALLOW_EVICTION to true to accept the loss"
        )

    def _local_fault(self) -> str | None:
        if not self.has_waitaof:
            return "which needs Redis 7.2 or newer"
        if self.has_append_only_file is False:
            return "and Redis has no append-only file; set its appendonly to yes"
        # Valkey 9.1.2 answered WAITAOF 10,660 times in 3 s in which it had synced its file 3 times; Redis 8.2 waits.
        if self.is_valkey and self.fsync not in {None, "always"}:
            return "and Valkey may confirm a job before its disk has it; set its appendfsync to always"
        return None

    def outage(self, durable: Durability) -> str | None:
        """Return what this server lacks for now, as a sentence without its full stop."""
        if durable == "replica" and self.replicas == 0:
            return "AETHER_DURABLE is replica, and no replica is connected to Redis"
        return None


async def read_report(client: Redis) -> ServerReport | None:
    """Ask the server about itself; None if this user may not ask.

    INFO is enough, which managed servers allow too. CONFIG is asked for what INFO lacks, and may be forbidden.

    Raises:
        RedisError: it does not answer.
    """
    try:
        info: dict[str, Any] = await client.info()  # Any: as redis-py parses it
    except ResponseError:
        return None
    try:
        config: dict[str, str] = await client.config_get("appendfsync")
    except ResponseError:
        config = {}
    return ServerReport.parse(info, config.get("appendfsync"))


def _version_fault(info: Mapping[str, Any], least: tuple[int, int]) -> str | None:  # Any: as above
    try:
        check_version(info, least)
    except UnsupportedServerError as error:
        return str(error)
    return None
