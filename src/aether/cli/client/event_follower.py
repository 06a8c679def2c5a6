"""Event follower: says when a job has changed, from its event stream or, where there is none, by frequent polls."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TypeAlias

import httpx2
import msgspec

from aether.cli.client.errors import ServerUnavailableError
from aether.cli.output.progress_events import TextDelta
from aether.errors import AetherError

OpenStream: TypeAlias = Callable[[str], AsyncGenerator[httpx2.ServerSentEvent, None]]
"""Opens a job's event stream after the event with the given id."""

_PREVIEW_SUFFIX = ".delta"
"""An event with such a name carries a `TextDelta`; every other one is a change of the job."""

_decode_delta = msgspec.json.Decoder(TextDelta).decode


class PollingIntervals(msgspec.Struct, frozen=True):
    """How long to wait before the next poll, in seconds.

    `poll_s` holds without a stream. `check_s` holds while a stream is open and silent: a proxy may hold events back.
    `reconnect_s` is the wait before the stream is opened again, unless the server names another.
    """

    poll_s: float = 0.3
    check_s: float = 5.0
    reconnect_s: float = 1.0


_DEFAULT_INTERVALS = PollingIntervals()


@asynccontextmanager
async def follow_events(
    open_stream: OpenStream,
    after: str,
    preview: Callable[[TextDelta], None],
    intervals: PollingIntervals = _DEFAULT_INTERVALS,
) -> AsyncIterator["EventFollower"]:
    """Follow the stream after the event with the id `after`; call `preview` with text that is being written."""
    follower = EventFollower(open_stream, after, preview, intervals)
    listening = asyncio.create_task(follower.listen())
    try:
        yield follower
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


class EventFollower:
    """Tells when to get the job again.

    The data of a change is not read: the job is the only source of its state, so a lost event does no harm.
    """

    def __init__(
        self, open_stream: OpenStream, after: str, preview: Callable[[TextDelta], None], intervals: PollingIntervals
    ) -> None:
        self._open_stream = open_stream
        self._after = after
        self._preview = preview
        self._intervals = intervals
        self._changed = asyncio.Event()
        self._is_connected = False
        self._reconnect_s = intervals.reconnect_s

    async def wait_for_change(self) -> None:
        """Return as soon as an event says that the job has changed, or when it is time for the next poll."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._intervals.check_s if self._is_connected else self._intervals.poll_s):
                await self._changed.wait()
        self._changed.clear()

    async def listen(self) -> None:
        """Read the stream, open it again where it broke off, and return when the server has none."""
        while True:
            retry_after_s = 0.0
            try:
                await self._read_stream()
            except ServerUnavailableError as error:
                retry_after_s = error.retry_after or 0.0
            except AetherError:
                return
            self._disconnected()
            await asyncio.sleep(max(self._reconnect_s, retry_after_s))

    async def _read_stream(self) -> None:
        async with aclosing(self._open_stream(self._after)) as events:
            async for event in events:
                self._is_connected = True
                self._handle(event)

    def _handle(self, event: httpx2.ServerSentEvent) -> None:
        self._after = event.id or self._after
        if event.retry is not None:
            self._reconnect_s = max(event.retry / 1000, self._intervals.poll_s)
        if event.event.endswith(_PREVIEW_SUFFIX):
            with suppress(msgspec.DecodeError):
                self._preview(_decode_delta(event.data))
        elif event.data:
            self._changed.set()

    def _disconnected(self) -> None:
        """Have the job polled, which shows whether the server is available."""
        if self._is_connected:
            self._changed.set()
        self._is_connected = False
