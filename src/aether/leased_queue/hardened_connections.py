"""Hardened connections: redis-py's connections, with timeouts that hold and without commands for a demoted server."""

import asyncio
from typing import Any

import hiredis
from redis.asyncio import connection as asynchronous
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from typing_extensions import override

from aether.leased_queue.connection_generation import GenerationMember
from aether.leased_queue.sentinel import PrimaryFinder, check_role

CONNECT_S = 1.0
INCOMPLETE = object()
"""What a parser returns when an answer has not arrived whole."""


class Hardened(GenerationMember, asynchronous.AbstractConnection):
    """A connection that is closed after any failed write, and turns network errors into redis-py's exceptions.

    It packs commands as redis-py's blocking connections do, in C. It is opened again when its generation is outdated.
    Once it is opened, a protocol may take it over; redis-py's own methods to write and to read must not be used then.
    """

    _packer = HiredisRespSerializer()

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
            self.learn(error)
            raise

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.WriteTransport:
        """Let a protocol receive what the server sends from now on; return where it writes.

        Raises:
            RedisConnectionError: the connection is closed.
        """
        if self._writer is None or self._writer.transport.is_closing():
            raise RedisConnectionError("Connection closed by server.")
        transport = self._writer.transport
        transport.set_protocol(protocol)
        return transport

    def new_parser(self) -> hiredis.Reader:
        """Return a parser of answers, which returns errors as redis-py's exceptions, and `INCOMPLETE`."""
        return hiredis.Reader(
            protocolError=InvalidResponse, replyError=self._parser.parse_error, notEnoughData=INCOMPLETE
        )

    def forget_streams(self) -> None:
        """Count as closed, after a protocol that took over has lost the connection."""
        self._parser.on_disconnect()  # type: ignore[no-untyped-call]  # so it is in redis-py
        self._reader = self._writer = None

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
                self.learn(timeout)
                raise timeout from None
            # uvloop raises RuntimeError if the transport has been closed.
            if isinstance(error, OSError | RuntimeError):
                raise RedisConnectionError(str(error)) from error
            raise


class HardenedTcp(Hardened, asynchronous.Connection):
    """A hardened connection over TCP."""


class HardenedSocket(Hardened, asynchronous.UnixDomainSocketConnection):
    """A hardened connection over a Unix socket."""


class HardenedTls(Hardened, asynchronous.SSLConnection):
    """A hardened connection over TLS."""


class HardenedSentinel(HardenedTcp):
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
        check_role(await self.read_response(timeout=CONNECT_S))
