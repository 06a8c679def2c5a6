"""Connections to Redis that time out and are checked, and clients beside the pool for blocking commands and threads."""

from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
from redis.asyncio import connection as asynchronous
from redis.exceptions import RedisError

from aether.leased_queue.connection_generation import ConnectionGeneration
from aether.leased_queue.hardened_connections import (
    CONNECT_S,
    Hardened,
    HardenedSentinel,
    HardenedSocket,
    HardenedTcp,
    HardenedTls,
)
from aether.leased_queue.key_names import key_prefix, set_key_prefix
from aether.leased_queue.sentinel import PrimaryFinder, SentinelUrl
from aether.leased_queue.thread_connections import ThreadSentinel, ThreadSocket, ThreadTcp, ThreadTls

UNREACHABLE = (RedisError, OSError, TimeoutError)

_HARDENED_CLASSES: dict[type, type[asynchronous.AbstractConnection]] = {
    asynchronous.Connection: HardenedTcp,
    asynchronous.UnixDomainSocketConnection: HardenedSocket,
    asynchronous.SSLConnection: HardenedTls,
}
_SYNCHRONOUS_CLASSES: dict[type, type[redis.connection.AbstractConnection]] = {
    HardenedTcp: ThreadTcp,
    HardenedSocket: ThreadSocket,
    HardenedTls: ThreadTls,
    HardenedSentinel: ThreadSentinel,
}
_ASYNC_ONLY = {"retry", "retry_on_error", "redis_connect_func", "event_dispatcher", "parser_class"}


def harden(pool: redis.asyncio.Redis, timeout_s: float) -> None:
    """Give the connections that `pool` opens from now on a timeout and a health check, unless it has its own.

    Without a timeout, a worker would wait on a half-open connection for as long as the kernel keeps it. None of the
    pool's connections may be in use.
    """
    kwargs = pool.connection_pool.connection_kwargs
    hardened = _HARDENED_CLASSES.get(pool.connection_pool.connection_class)
    if hardened is not None:
        pool.connection_pool.connection_class = hardened
        kwargs["generation"] = ConnectionGeneration()
    kwargs["socket_timeout"] = kwargs.get("socket_timeout") or timeout_s
    if "path" not in kwargs:
        kwargs["socket_connect_timeout"] = kwargs.get("socket_connect_timeout") or min(timeout_s, CONNECT_S)
    kwargs["health_check_interval"] = kwargs.get("health_check_interval") or 15
    # Connections that are open already would stay as they are. (redis-py leaves this one method untyped.)
    pool.connection_pool.reset()  # type: ignore[no-untyped-call]


async def open_beside(pool: redis.asyncio.ConnectionPool) -> Hardened:
    """Open a connection that is not one of the pool's, but has its settings; the pool must be hardened.

    Raises:
        RedisError, OSError: there is no server, or it lets nobody in.
    """
    connection: Hardened = pool.make_connection()  # type: ignore[no-untyped-call]  # so it is in redis-py
    try:
        await connection.connect()
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return connection


async def close_idle(client: redis.asyncio.Redis) -> None:
    """Close the connections that are not in use: what broke one of them may have broken all, without a sign."""
    # Taken out of the pool first: its own `disconnect` may close one that has just been taken for a command.
    idle = client.connection_pool._available_connections  # noqa: SLF001 - the pool has no method for this
    while idle:
        await idle.pop().disconnect(nowait=True)


def is_outdated(connection: asynchronous.AbstractConnection) -> bool:
    """Return whether the server of a connection may no longer be the primary."""
    return isinstance(connection, Hardened) and connection.is_outdated


def sentinel_pool(url: SentinelUrl, **options: Any) -> redis.asyncio.BlockingConnectionPool:  # as redis-py has it
    """Return a hardened pool of connections to the primary that the Sentinels at `url` name."""
    return redis.asyncio.BlockingConnectionPool(
        connection_class=HardenedSentinel,
        finder=PrimaryFinder(url),
        generation=ConnectionGeneration(),
        db=url.database,
        username=url.username,
        password=url.password,
        **options,
    )


def _options(pool: redis.asyncio.Redis, name: str, timeout_s: float) -> dict[str, Any]:  # as redis-py has it
    kwargs = dict(pool.connection_pool.connection_kwargs)
    kwargs |= {"socket_timeout": timeout_s, "client_name": name}
    if "path" not in kwargs:
        kwargs["socket_connect_timeout"] = min(timeout_s, CONNECT_S)
    return kwargs


def blocking_client(pool: redis.asyncio.Redis, name: str, timeout_s: float) -> redis.asyncio.Redis:
    """Return a client with connections of its own, for blocking commands of up to `timeout_s` seconds."""
    own = redis.asyncio.ConnectionPool(
        connection_class=pool.connection_pool.connection_class,
        **_options(pool, name, timeout_s),
    )
    return redis.asyncio.Redis.from_pool(own)


def thread_client(pool: redis.asyncio.Redis, name: str, timeout_s: float) -> redis.Redis:
    """Return a synchronous client for a thread.

    Raises:
        TypeError: The pool's connections are of a class without a known synchronous counterpart, such as redis-py's own
            for Sentinel.
    """
    connection_class = _SYNCHRONOUS_CLASSES.get(pool.connection_pool.connection_class)
    if connection_class is None:
        raise TypeError(f"no blocking twin is known for {pool.connection_pool.connection_class!r}")
    options = {k: v for k, v in _options(pool, name, timeout_s).items() if k not in _ASYNC_ONLY}
    client = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=connection_class, **options))
    set_key_prefix(client, key_prefix(pool))
    return client


def notify_on_connect(client: redis.Redis, callback: Callable[[Any], None]) -> None:
    """Call `callback` with each connection that a thread's client opens from now on, once Redis has let it in."""

    def on_connect(connection: Any) -> None:  # redis-py has no common type for its blocking connections
        connection.on_connect()
        callback(connection)

    client.connection_pool.connection_kwargs["redis_connect_func"] = on_connect
