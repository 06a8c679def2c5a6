import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from httpx2 import ServerSentEvent

from aether.cli.client.errors import RefusedError, ServerUnavailableError, UnexpectedResponseError
from aether.cli.client.event_follower import EventFollower, PollingIntervals, follow_events
from aether.cli.client.schemas import Problem
from aether.cli.output.progress_events import TextDelta

NEVER_S = 3600.0
EVENTS_ONLY = PollingIntervals(NEVER_S, NEVER_S, NEVER_S)
QUICK = PollingIntervals(0.001, NEVER_S, 0.001)
RETRY_FIELD = ServerSentEvent(retry=0)
CHANGE = ServerSentEvent("status", '{"status":"processing"}', "5")
DELTA = ServerSentEvent("section.delta", '{"position":1,"attempt":2,"offset":7,"text":"It fell"}', "5")


class Connection(NamedTuple):
    """Sends the events, then raises the error or ends, unless it is `held` open."""

    events: Sequence[ServerSentEvent] = ()
    error: Exception | None = None
    held: bool = False


class ScriptedStream:
    """Opens one connection after the other; `done` is set when the last one has sent all events."""

    def __init__(self, *connections: Connection) -> None:
        self.last_event_ids: list[str] = []
        self.done = asyncio.Event()
        self._connections = list(connections)

    async def __call__(self, after: str) -> AsyncGenerator[ServerSentEvent, None]:
        self.last_event_ids.append(after)
        now = self._connections.pop(0)
        for event in now.events:
            yield event
        if not self._connections:
            self.done.set()
        if now.error is not None:
            raise now.error
        if now.held:
            await asyncio.Event().wait()


@asynccontextmanager
async def follow(
    *connections: Connection,
    preview: Callable[[TextDelta], None] = lambda _: None,
    intervals: PollingIntervals = EVENTS_ONLY,
) -> AsyncIterator[tuple[EventFollower, ScriptedStream]]:
    stream = ScriptedStream(*connections)
    async with follow_events(stream, "4", preview, intervals) as follower:
        yield follower, stream


async def test_an_event_is_a_change_at_once() -> None:
    async with follow(Connection([RETRY_FIELD, CHANGE], held=True)) as (follower, stream):
        await follower.wait_for_change()
    assert stream.last_event_ids == ["4"]


async def test_several_events_at_once_are_one_change() -> None:
    async with follow(Connection([RETRY_FIELD, CHANGE, CHANGE], held=True)) as (follower, stream):
        await stream.done.wait()
        await follower.wait_for_change()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(follower.wait_for_change(), 0.05)


async def test_neither_a_retry_field_nor_a_preview_is_a_change() -> None:
    previews: list[TextDelta] = []
    async with follow(Connection([RETRY_FIELD, DELTA], held=True), preview=previews.append) as (follower, stream):
        await stream.done.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(follower.wait_for_change(), 0.05)
    assert previews == [TextDelta(1, 2, "It fell")]


async def test_a_malformed_preview_is_ignored() -> None:
    previews: list[TextDelta] = []
    strange = ServerSentEvent("section.delta", "[]")
    async with follow(Connection([strange, DELTA], held=True), preview=previews.append) as (_, stream):
        await stream.done.wait()
    assert len(previews) == 1


async def test_a_stream_that_breaks_is_resumed_after_the_last_event() -> None:
    broken = Connection([RETRY_FIELD, CHANGE], ServerUnavailableError("reset"))
    unnumbered = Connection([DELTA])
    async with follow(broken, unnumbered, Connection(held=True), intervals=QUICK) as (_, stream):
        await stream.done.wait()
    assert stream.last_event_ids == ["4", "5", "5"]


@pytest.mark.parametrize("error", [None, ServerUnavailableError("reset")])
async def test_a_stream_that_breaks_off_is_a_change(error: Exception | None) -> None:
    async with follow(Connection([RETRY_FIELD], error)) as (follower, _):
        await follower.wait_for_change()


@pytest.mark.parametrize(
    "none",
    [
        Connection(error=RefusedError(404, Problem())),
        Connection(error=UnexpectedResponseError("http://h")),
        Connection(error=ServerUnavailableError("not yet")),
        Connection(held=True),
    ],
    ids=["refused", "no stream", "away", "held back"],
)
async def test_without_a_stream_the_job_is_polled(none: Connection) -> None:
    async with follow(none, intervals=PollingIntervals(0.001, NEVER_S, NEVER_S)) as (follower, stream):
        await stream.done.wait()
        await follower.wait_for_change()
        await follower.wait_for_change()
    assert stream.last_event_ids == ["4"]


@pytest.mark.parametrize("error", [RefusedError(404, Problem()), UnexpectedResponseError("http://h")])
async def test_a_server_without_streams_gets_one_request(error: Exception) -> None:
    async with follow(Connection(error=error), intervals=QUICK) as (follower, stream):
        for _ in range(20):
            await follower.wait_for_change()
    assert stream.last_event_ids == ["4"]


async def test_a_stream_of_an_unavailable_server_is_opened_again() -> None:
    away = Connection(error=ServerUnavailableError("away"))
    async with follow(away, away, Connection([CHANGE], held=True), intervals=QUICK) as (_, stream):
        await stream.done.wait()
    assert stream.last_event_ids == ["4", "4", "4"]


async def test_a_stream_is_not_opened_again_before_retry_after() -> None:
    async with follow(Connection(error=ServerUnavailableError("limit", NEVER_S)), intervals=QUICK) as (
        follower,
        stream,
    ):
        for _ in range(20):
            await follower.wait_for_change()
    assert stream.last_event_ids == ["4"]


async def test_during_a_silent_stream_the_job_is_polled() -> None:
    async with follow(Connection([RETRY_FIELD], held=True), intervals=PollingIntervals(NEVER_S, 0.001, NEVER_S)) as (
        follower,
        stream,
    ):
        await stream.done.wait()
        await follower.wait_for_change()


async def test_the_retry_field_of_the_stream_is_obeyed() -> None:
    later = ServerSentEvent(retry=int(NEVER_S * 1000))
    async with follow(Connection([later, CHANGE]), Connection(), intervals=QUICK) as (follower, stream):
        await follower.wait_for_change()
        for _ in range(20):
            await follower.wait_for_change()
    assert stream.last_event_ids == ["4"]
