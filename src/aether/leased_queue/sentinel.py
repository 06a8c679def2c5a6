"""Sentinel: the address of a primary behind Redis Sentinel, asked for whenever a connection is opened."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import redis
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

SCHEME = "sentinel"
_PORT = 26_379
_TIMEOUT_S = 0.5

Address = tuple[str, int]


class SentinelUrl(NamedTuple):
    """`sentinel://[user:password@]host:port[,host:port…]/name[/database]`, parsed.

    User and password are those of the Redis servers; those of the Sentinels are `sentinel_user` and
    `sentinel_password` in the query.
    """

    sentinels: tuple[Address, ...]
    name: str
    database: int = 0
    username: str | None = None
    password: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = None

    @classmethod
    def parse(cls, url: str) -> "SentinelUrl":
        """Parse it.

        Raises:
            ValueError: It is not such a URL; the text may contain a part of the password.
        """
        parts = urlsplit(url)
        credentials, _, hosts = parts.netloc.rpartition("@")
        username, _, password = (unquote(each) for each in credentials.partition(":"))
        name, _, database = parts.path.removeprefix("/").partition("/")
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        if parts.scheme != SCHEME or not hosts or not name or query.keys() - {"sentinel_user", "sentinel_password"}:
            raise ValueError("not the URL of a Sentinel")
        return cls(
            tuple(map(_address, hosts.split(","))),
            unquote(name),
            int(database or 0),
            username or None,
            password or None,
            query.get("sentinel_user", [None])[0],
            query.get("sentinel_password", [None])[0],
        )


def _address(host_and_port: str) -> Address:
    parts = urlsplit(f"//{host_and_port}")
    if not parts.hostname:
        raise ValueError("a Sentinel without a host")
    return parts.hostname, parts.port or _PORT


def check_role(answer: Sequence[Any] | None) -> None:  # Any: as redis-py parses it
    """Check the answer to ROLE: during a failover a Sentinel may still name the old primary.

    Raises:
        RedisConnectionError: The server is no primary.
    """
    if (answer or [None])[0] not in {b"master", "master"}:
        raise RedisConnectionError("the server that Sentinel names is not a primary yet")


class PrimaryFinder:
    """Asks the Sentinels for the primary, first the one that answered last."""

    def __init__(self, url: SentinelUrl) -> None:
        self._name = url.name
        self._sentinels = list(url.sentinels)
        self._options: dict[str, Any] = {  # Any: as redis-py has it
            "username": url.sentinel_username,
            "password": url.sentinel_password,
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
        }

    async def find(self) -> Address:
        """Return the address of the primary.

        Raises:
            RedisConnectionError: No Sentinel answers, or none knows it.
        """
        for sentinel in tuple(self._sentinels):
            async with redis.asyncio.Redis(host=sentinel[0], port=sentinel[1], **self._options) as client:
                try:
                    found = await client.sentinel_get_master_addr_by_name(self._name)  # type: ignore[no-untyped-call]  # so it is in redis-py
                except (RedisError, OSError):
                    continue
            if found:
                return self._prefer(sentinel, found)
        raise self._unknown()

    def find_blocking(self) -> Address:
        """Do as `find`, for threads."""
        for sentinel in tuple(self._sentinels):
            with redis.Redis(host=sentinel[0], port=sentinel[1], **self._options) as client:
                try:
                    found = client.sentinel_get_master_addr_by_name(self._name)
                except (RedisError, OSError):
                    continue
            if found:
                return self._prefer(sentinel, found)
        raise self._unknown()

    def _prefer(self, sentinel: Address, found: Sequence[Any]) -> Address:  # Any: as redis-py parses it
        # In one step, since a thread may read the list at the same time.
        self._sentinels = [sentinel, *(each for each in self._sentinels if each != sentinel)]
        host, port = found
        return (host.decode() if isinstance(host, bytes) else host), int(port)

    def _unknown(self) -> RedisConnectionError:
        return RedisConnectionError(f"no Sentinel answers that knows the primary {self._name}")
