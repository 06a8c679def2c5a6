"""Connections beside the pool: to the same server, but never shared and never without a timeout."""

from typing import Any

import redis
import redis.asyncio
from arq.connections import ArqRedis
from redis.asyncio import connection as asynchronous
from redis.exceptions import ReadOnlyError, RedisError

UNREACHABLE = (RedisError, OSError, TimeoutError)

_BLOCKING_CLASSES: dict[type, type[redis.connection.AbstractConnection]] = {
    asynchronous.Connection: redis.connection.Connection,
    asynchronous.UnixDomainSocketConnection: redis.connection.UnixDomainSocketConnection,
    asynchronous.SSLConnection: redis.connection.SSLConnection,
}
_ASYNC_ONLY = {"retry", "retry_on_error", "redis_connect_func", "event_dispatcher", "parser_class"}


def harden(pool: ArqRedis, timeout_s: float) -> None:
    """Give the connections that `pool` opens from now on a timeout and a health check where its owner set none.

    Without a timeout a half-open connection leaves the worker deaf for as long as the kernel believes in it.
    """
    kwargs = pool.connection_pool.connection_kwargs
    kwargs["socket_timeout"] = kwargs.get("socket_timeout") or timeout_s
    if "path" not in kwargs:
        kwargs["socket_connect_timeout"] = kwargs.get("socket_connect_timeout") or timeout_s
    kwargs["health_check_interval"] = kwargs.get("health_check_interval") or 15


async def leave_replica(client: redis.asyncio.Redis, error: Exception) -> None:
    """Reconnect if the server turned out to be a replica: its name may lead to the new primary by now."""
    if isinstance(error, ReadOnlyError):
        await client.connection_pool.disconnect(inuse_connections=False)


def _options(pool: ArqRedis, name: str, timeout_s: float) -> dict[str, Any]:  # redis-py's own keyword arguments
    kwargs = dict(pool.connection_pool.connection_kwargs)
    kwargs |= {"socket_timeout": timeout_s, "client_name": name}
    if "path" not in kwargs:
        kwargs["socket_connect_timeout"] = min(timeout_s, 1.0)
    return kwargs


def listener(pool: ArqRedis, name: str, timeout_s: float) -> redis.asyncio.Redis:
    """A client with one connection, for blocking commands of up to `timeout_s` seconds."""
    own = redis.asyncio.ConnectionPool(
        connection_class=pool.connection_pool.connection_class,
        **_options(pool, name, timeout_s),
    )
    return redis.asyncio.Redis.from_pool(own)


def thread_client(pool: ArqRedis, name: str, timeout_s: float) -> redis.Redis:
    """A blocking client for a thread.

    Raises:
        TypeError: The pool's connections are of a class that has no known blocking twin, such as Sentinel's.
    """
    connection_class = _BLOCKING_CLASSES.get(pool.connection_pool.connection_class)
    if connection_class is None:
        raise TypeError(f"no blocking twin is known for {pool.connection_pool.connection_class!r}")
    options = {k: v for k, v in _options(pool, name, timeout_s).items() if k not in _ASYNC_ONLY}
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=connection_class, **options))
