"""When a job changes: at once by its event stream, and where that cannot be had by looking often."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TypeAlias

import httpx2
import msgspec

from aether.cli.client.api_client import ServerAwayError
from aether.cli.client.schemas import TextDelta
from aether.errors import AetherError

Stream: TypeAlias = Callable[[str], AsyncGenerator[httpx2.ServerSentEvent, None]]

_decode_delta = msgspec.json.Decoder(TextDelta).decode


class PollingIntervals(msgspec.Struct, frozen=True):
    """How long to wait before looking without being told, in seconds.

    `check_s` is for a stream that is open and silent: what stands between us and the server may hold back what it
    tells. `reconnect_s` is for a server that does not say when to come back.
    """

    poll_s: float = 0.3
    check_s: float = 5.0
    reconnect_s: float = 1.0


_PACE = PollingIntervals()


@asynccontextmanager
async def follow_events(
    stream: Stream, after: str, preview: Callable[[TextDelta], None], pace: PollingIntervals = _PACE
) -> AsyncIterator["EventFollower"]:
    """Follow the stream from behind the event with the id `after`; text on its way goes to `preview`."""
    follower = EventFollower(stream, after, preview, pace)
    listening = asyncio.create_task(follower.listen())
    try:
        yield follower
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


class EventFollower:
    """Tells when to look at the job again.

    What the stream says of a change is not read, only that there is one: the job itself is the truth, whatever gets
    lost on the way.
    """

    def __init__(
        self, stream: Stream, after: str, preview: Callable[[TextDelta], None], pace: PollingIntervals
    ) -> None:
        self._stream = stream
        self._after = after
        self._preview = preview
        self._pace = pace
        self._changed = asyncio.Event()
        self._hears = False
        self._reconnect_s = pace.reconnect_s

    async def change(self) -> None:
        """Return as soon as a change is told, or when it is time to look without having been told."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.check_s if self._hears else self._pace.poll_s):
                await self._changed.wait()
        self._changed.clear()

    async def listen(self) -> None:
        """Hear the stream, again and again from where it broke off, until it turns out that there is none."""
        while True:
            asked_s = 0.0
            try:
                await self._hear()
            except ServerAwayError as error:
                asked_s = error.retry_after or 0.0
            except AetherError:
                return
            self._lose()
            await asyncio.sleep(max(self._reconnect_s, asked_s))

    async def _hear(self) -> None:
        async with aclosing(self._stream(self._after)) as events:
            async for event in events:
                self._hears = True
                self._heed(event)

    def _heed(self, event: httpx2.ServerSentEvent) -> None:
        self._after = event.id or self._after
        if event.retry is not None:
            self._reconnect_s = max(event.retry / 1000, self._pace.poll_s)
        if event.event == "section.delta":
            with suppress(msgspec.DecodeError):
                self._preview(_decode_delta(event.data))
        elif event.data:
            self._changed.set()

    def _lose(self) -> None:
        """Have the job looked at, which will show whether the server is away."""
        if self._hears:
            self._changed.set()
        self._hears = False
