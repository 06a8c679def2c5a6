"""Connections to Redis that time out and are checked, and clients beside the pool for blocking commands and threads."""

import asyncio
from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
from redis.asyncio import connection as asynchronous
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from typing_extensions import override

from aether.leased_queue.connection_generation import ConnectionGeneration
from aether.leased_queue.key_names import key_prefix, set_key_prefix
from aether.leased_queue.sentinel import PrimaryFinder, SentinelUrl, check_role
from aether.leased_queue.thread_connections import ThreadSentinel, ThreadSocket, ThreadTcp, ThreadTls

_CONNECT_S = 1.0
UNREACHABLE = (RedisError, OSError, TimeoutError)


class _Hardened(asynchronous.AbstractConnection):
    """A connection that is closed after any failed write, and turns network errors into redis-py's exceptions.

    It packs commands as redis-py's blocking connections do, in C. It is opened again when its generation is outdated.
    """

    _packer = HiredisRespSerializer()

    def __init__(self, *args: Any, generation: ConnectionGeneration, **options: Any) -> None:  # as in redis-py
        super().__init__(*args, **options)
        self._generation = generation
        self._opened_in = generation.number
        self._is_opening = False

    @property
    def is_outdated(self) -> bool:
        """Whether its server may no longer be the primary; a connection that is just being opened is not outdated."""
        return self._opened_in != self._generation.number and not self._is_opening

    @override
    async def connect(self) -> None:
        """Connect, if it is not connected."""
        self._is_opening = True
        try:
            await super().connect()  # type: ignore[no-untyped-call]  # so it is in redis-py
        finally:
            self._is_opening = False

    @override
    async def _connect(self) -> None:
        self._opened_in = self._generation.number
        await super()._connect()  # type: ignore[no-untyped-call,safe-super]  # of the class that this one is mixed into

    @override
    async def read_response(self, *args: Any, **options: Any) -> Any:  # as in redis-py
        """Read as redis-py does, and learn from errors whether the server may be the wrong one."""
        try:
            return await super().read_response(*args, **options)
        except RedisError as error:
            self._generation.learn(error, self._opened_in)
            raise

    @override
    def pack_command(self, *args: Any) -> list[bytes]:  # as in redis-py
        try:
            packed: list[bytes] = self._packer.pack(*args)
        except DataError:  # other types of bytes
            return super().pack_command(*args)
        return packed

    @override
    async def on_connect(self) -> None:
        """Introduce this client without a health check, which would reconnect from within if it failed."""
        self.next_health_check = asyncio.get_running_loop().time() + self.health_check_interval
        await super().on_connect()

    @override
    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # as in redis-py
        """Write as redis-py does, without `wait_for`, which in Python 3.11 loses cancellations and costs a task."""
        if self.is_connected and self.is_outdated:
            await self.disconnect(nowait=True)
        if not self.is_connected:
            await self.connect()
        elif check_health:
            await self.check_health()  # type: ignore[no-untyped-call]  # as above
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command(command)
        except BaseException as error:
            # The command may have been written in part.
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                timeout = RedisTimeoutError("Timeout writing to socket")
                self._generation.learn(timeout, self._opened_in)
                raise timeout from None
            # uvloop raises RuntimeError if the transport has been closed.
            if isinstance(error, OSError | RuntimeError):
                raise RedisConnectionError(str(error)) from error
            raise


class _HardenedTcp(_Hardened, asynchronous.Connection):
    pass


class _HardenedSocket(_Hardened, asynchronous.UnixDomainSocketConnection):
    pass


class _HardenedTls(_Hardened, asynchronous.SSLConnection):
    pass


class _HardenedSentinel(_HardenedTcp):
    """A connection to the primary that Sentinel names when it is opened."""

    def __init__(self, *args: Any, finder: PrimaryFinder, **options: Any) -> None:  # as in redis-py
        super().__init__(*args, **options)
        self._finder = finder

    @override
    async def _connect(self) -> None:
        self.host, self.port = await self._finder.find()
        await super()._connect()

    @override
    async def on_connect(self) -> None:
        """Introduce this client, and check the role of the server."""
        await super().on_connect()
        await self.send_command("ROLE", check_health=False)
        check_role(await self.read_response(timeout=_CONNECT_S))


_HARDENED_CLASSES: dict[type, type[asynchronous.AbstractConnection]] = {
    asynchronous.Connection: _HardenedTcp,
    asynchronous.UnixDomainSocketConnection: _HardenedSocket,
    asynchronous.SSLConnection: _HardenedTls,
}
_SYNCHRONOUS_CLASSES: dict[type, type[redis.connection.AbstractConnection]] = {
    _HardenedTcp: ThreadTcp,
    _HardenedSocket: ThreadSocket,
    _HardenedTls: ThreadTls,
    _HardenedSentinel: ThreadSentinel,
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
        kwargs["socket_connect_timeout"] = kwargs.get("socket_connect_timeout") or min(timeout_s, _CONNECT_S)
    kwargs["health_check_interval"] = kwargs.get("health_check_interval") or 15
    # Connections that are open already would stay as they are. (redis-py leaves this one method untyped.)
    pool.connection_pool.reset()  # type: ignore[no-untyped-call]


async def close_idle(client: redis.asyncio.Redis) -> None:
    """Close the connections that are not in use: what broke one of them may have broken all, without a sign."""
    # Taken out of the pool first: its own `disconnect` may close one that has just been taken for a command.
    idle = client.connection_pool._available_connections  # noqa: SLF001 - the pool has no method for this
    while idle:
        await idle.pop().disconnect(nowait=True)


def is_outdated(connection: asynchronous.AbstractConnection) -> bool:
    """Return whether the server of a connection may no longer be the primary."""
    return isinstance(connection, _Hardened) and connection.is_outdated


def sentinel_pool(url: SentinelUrl, **options: Any) -> redis.asyncio.BlockingConnectionPool:  # as redis-py has it
    """Return a hardened pool of connections to the primary that the Sentinels at `url` name."""
    return redis.asyncio.BlockingConnectionPool(
        connection_class=_HardenedSentinel,
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
        kwargs["socket_connect_timeout"] = min(timeout_s, _CONNECT_S)
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
