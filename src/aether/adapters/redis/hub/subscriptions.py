"""Subscriptions to pub/sub channels over one connection that is reopened when it breaks."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import structlog
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.leased_queue.connections import UNREACHABLE, is_outdated

_RECONNECT_PAUSE_S = 0.2
_BATCH_SIZE = 500  # channels in one command
_CONNECTION_ERRORS = (*UNREACHABLE, RuntimeError)  # uvloop raises RuntimeError for a closed transport

log = structlog.get_logger()


class Subscriptions:
    """Channels that the process is subscribed to, each from the call of `on_subscribed` until `leave`.

    After a reconnect, and after joining again, `on_subscribed` is called again: messages between two such calls may
    have been missed. redis-py's own `PubSub` reconnects without notice, in whichever call meets the broken connection.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        on_subscribed: Callable[[str], None],
        on_message: Callable[[str, bytes], None],
        silence_s: float,
    ) -> None:
        self._pool = pool
        self._on_subscribed = on_subscribed
        self._on_message = on_message
        self._silence_s = silence_s
        self._joined: set[str] = set()
        self._subscribed: set[str] = set()
        self._changed: set[str] = set()  # joined or left, but the server was not told yet
        self._has_changed = asyncio.Event()
        self._is_connected = True

    def join(self, channel: str) -> None:
        """Subscribe to this channel."""
        self._joined.add(channel)
        self._mark_changed(channel)

    def leave(self, channel: str) -> None:
        """Unsubscribe from this channel."""
        self._joined.discard(channel)
        self._mark_changed(channel)

    def _mark_changed(self, channel: str) -> None:
        self._changed.add(channel)
        self._has_changed.set()

    async def run(self) -> None:
        """Receive messages until cancelled."""
        while True:
            try:
                await self._run_connection()
            except* _CONNECTION_ERRORS as errors:
                self._report(errors)
            await asyncio.sleep(_RECONNECT_PAUSE_S)

    def _report(self, errors: BaseExceptionGroup[Exception]) -> None:
        if self._is_connected:  # an outage is logged once, however often the connection is tried
            log.warning("hub.deaf", reason=type(errors.exceptions[0]).__name__)
        self._is_connected = False

    async def _run_connection(self) -> None:
        # Not one of the pool's, which are for commands, but with the pool's settings.
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        # `_receive` limits silence itself. And with a socket timeout the cancellation of a send may get lost, as
        # `BackgroundTasks` explains.
        connection.socket_timeout = None
        try:
            async with asyncio.timeout(self._silence_s):
                await connection.connect()  # type: ignore[no-untyped-call]
            self._subscribed.clear()
            self._changed = set(self._joined)
            self._has_changed.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(connection))
                tasks.create_task(self._subscribe(connection))
        finally:
            await connection.disconnect(nowait=True)

    async def _subscribe(self, connection: AbstractConnection) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            _check(connection)
            changed, self._changed = self._changed, set()
            joined = (changed & self._joined) - self._subscribed
            left = (changed & self._subscribed) - self._joined
            self._subscribed |= joined
            self._subscribed -= left
            for command, channels in (("SUBSCRIBE", joined), ("UNSUBSCRIBE", left)):
                for batch in in_batches(channels, _BATCH_SIZE):
                    # redis-py's health check would read an answer, and get a message instead.
                    await connection.send_command(command, *batch, check_health=False)

    async def _receive(self, connection: AbstractConnection) -> None:
        silences = 0
        while silences < 2:  # noqa: PLR2004 - the first is followed by a PING, the second by the end
            answer = await connection.read_response(
                timeout=self._silence_s, disconnect_on_error=False, push_request=True
            )
            _check(connection)
            if answer is None:
                silences += 1
                await connection.send_command("PING", check_health=False)
            else:
                silences = 0
                self._handle(answer)
        raise RedisTimeoutError

    def _handle(self, answer: Any) -> None:  # in redis-py's form
        if not self._is_connected:
            log.info("hub.hears")
        self._is_connected = True
        match answer:
            case [b"message", channel, message]:
                self._on_message(channel.decode(), message)
            case [b"subscribe", channel, _]:
                self._on_subscribed(channel.decode())


def _check(connection: AbstractConnection) -> None:
    # A command would open an outdated connection again, and without its subscriptions.
    if is_outdated(connection):
        raise RedisConnectionError("the server may no longer be the primary")


def in_batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Split into lists of at most `size`."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
