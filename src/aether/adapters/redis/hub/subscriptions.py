"""Pub/sub channels over one connection that comes back by itself."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import structlog
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.leased_queue.connections import UNREACHABLE

_PAUSE_S = 0.2
_BATCH = 500  # channels in one command
_BROKEN = (*UNREACHABLE, RuntimeError)  # which is uvloop's word for a transport that has been closed

log = structlog.get_logger()


class Subscriptions:
    """The channels that are listened to, each from when its `confirmed` is called until it is left.

    Each new connection confirms all of them anew, and so does joining again: what was said between two confirmations
    may have been missed. redis-py's own `PubSub` would reconnect without a word, in whichever call meets the break.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        confirmed: Callable[[str], None],
        said: Callable[[str, bytes], None],
        silence_s: float,
    ) -> None:
        self._pool = pool
        self._confirmed = confirmed
        self._said = said
        self._silence_s = silence_s
        self._joined: set[str] = set()
        self._subscribed: set[str] = set()
        self._turned: set[str] = set()  # joined or left since the server was told
        self._stirred = asyncio.Event()
        self._hears = True

    def join(self, channel: str) -> None:
        """Listen to this channel too."""
        self._joined.add(channel)
        self._turn(channel)

    def leave(self, channel: str) -> None:
        """Listen to this channel no more."""
        self._joined.discard(channel)
        self._turn(channel)

    def _turn(self, channel: str) -> None:
        self._turned.add(channel)
        self._stirred.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._connected()
            except* _BROKEN as broken:
                self._report(broken)
            await asyncio.sleep(_PAUSE_S)

    def _report(self, broken: BaseExceptionGroup[Exception]) -> None:
        if self._hears:  # an outage is one event, however often the server is tried meanwhile
            log.warning("hub.deaf", reason=type(broken.exceptions[0]).__name__)
        self._hears = False

    async def _connected(self) -> None:
        # Beside the pool, whose places are for commands, but made as it makes its own.
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        # Silence ends it anyway; and with a timeout a cancellation of a send may get lost, as `BackgroundTasks` says.
        connection.socket_timeout = None
        try:
            async with asyncio.timeout(self._silence_s):
                await connection.connect()  # type: ignore[no-untyped-call]
            self._subscribed.clear()
            self._turned = set(self._joined)
            self._stirred.set()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._listen(connection))
                both.create_task(self._subscribe(connection))
        finally:
            await connection.disconnect(nowait=True)

    async def _subscribe(self, connection: AbstractConnection) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            turned, self._turned = self._turned, set()
            joined = (turned & self._joined) - self._subscribed
            left = (turned & self._subscribed) - self._joined
            self._subscribed |= joined
            self._subscribed -= left
            for command, channels in (("SUBSCRIBE", joined), ("UNSUBSCRIBE", left)):
                for batch in in_batches(channels, _BATCH):
                    # The health check of redis-py would read an answer, and find a message.
                    await connection.send_command(command, *batch, check_health=False)

    async def _listen(self, connection: AbstractConnection) -> None:
        silent = 0
        while silent < 2:  # noqa: PLR2004 - once before the question and once behind it
            answer = await connection.read_response(
                timeout=self._silence_s, disconnect_on_error=False, push_request=True
            )
            if answer is None:
                silent += 1
                await connection.send_command("PING", check_health=False)
            else:
                silent = 0
                self._hear(answer)
        raise RedisTimeoutError

    def _hear(self, answer: Any) -> None:  # in redis-py's form
        if not self._hears:
            log.info("hub.hears")
        self._hears = True
        match answer:
            case [b"message", channel, message]:
                self._said(channel.decode(), message)
            case [b"subscribe", channel, _]:
                self._confirmed(channel.decode())


def in_batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Cut into lists of at most `size`."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
