"""Server-sent events: their encoding, and the response that sends them."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from litestar import Litestar, get
from litestar.exceptions import LitestarException

from aether.api.http import sse
from aether.api.http.sse import EventStream
from tests.event_streams import Listener, Parser, Received, parsed


@pytest.mark.parametrize(
    "text",
    ["plain", "a\nb", "a\r\nb\rc", "\n\n", "data: x\n\nevent: fake", "\u2028\u2029\x85", "Ärger 🙂", "", "\x00"],
)
def test_line_breaks_in_a_text_are_preserved(text: str) -> None:
    written = sse.event("section", {"text": text}, 7)

    assert parsed(written) == [Received("section", {"text": text}, "7")]
    assert written.count(b"\n") == 4
    assert b"\r" not in written


def test_an_event_without_an_id_does_not_move_the_cursor() -> None:
    parser = Parser()
    parser.feed(sse.event("section", 1, 7) + sse.event("section.delta", 2))

    assert parser.last_id == "7"


def test_a_ping_is_a_comment() -> None:
    parser = Parser()

    assert parser.feed(sse.PING) == []
    assert parser.comments == 1
    assert sse.PING_INTERVAL_S < 15


def test_clients_reconnect_at_different_times() -> None:
    times = set()
    for _ in range(50):
        parser = Parser()
        assert parser.feed(sse.opening()) == []
        times.add(parser.retry_ms)

    assert len(times) > 10
    assert all(time and 500 <= time <= 5_000 for time in times)


class Source:
    """Yields scripted chunks, then waits; `requested` counts the chunks that were requested."""

    def __init__(self, *chunks: bytes, ends: bool = True) -> None:
        self.requested = 0
        self.is_closed = False
        self._chunks = chunks
        self._ends = ends

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            for chunk in self._chunks:
                self.requested += 1
                yield chunk
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.is_closed = True


def app_of(source: Source) -> Litestar:
    @get("/")
    async def handler() -> EventStream:
        return EventStream(source.chunks())

    return Litestar([handler], openapi_config=None, logging_config=None)


async def test_events_are_sent_as_they_come_until_there_are_no_more() -> None:
    source = Source(sse.event("one", 1, 1), sse.PING, sse.event("two", 2, 2))
    async with Listener(app_of(source), "/") as listener:
        events = await listener.rest()

    assert [event.name for event in events] == ["one", "two"]
    assert (listener.status, listener.headers) == (
        200,
        {"content-type": "text/event-stream", "cache-control": "no-store, no-transform", "x-accel-buffering": "no"},
    )
    assert source.is_closed


async def test_a_disconnected_client_ends_the_stream() -> None:
    source = Source(sse.event("one", 1, 1), ends=False)
    async with Listener(app_of(source), "/") as listener:
        await listener.next()
        assert not source.is_closed
        listener.leave()
        await listener.rest()

    assert source.is_closed


async def test_a_client_that_pauses_stops_the_source() -> None:
    """Chunks that the client does not take are not requested, so none accumulate."""
    source = Source(*(sse.event("one", at, at) for at in range(100)))
    async with Listener(app_of(source), "/") as listener:
        await listener.next()
        listener.pause()
        for _ in range(1_000):
            await asyncio.sleep(0)
        requested = source.requested
        listener.resume()
        rest = await listener.rest()

    assert requested < 100
    assert source.requested == 100
    assert [event.data for event in rest] == list(range(1, 100))


async def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_WRITE_TIMEOUT_S", 0.05)
    source = Source(*(sse.event("one", at, at) for at in range(100)))
    async with Listener(app_of(source), "/") as listener:
        await listener.next()
        listener.pause()
        await listener.rest()

    assert source.is_closed
    assert not listener.ended


async def test_an_error_during_a_stream_cuts_the_connection() -> None:
    async def failing() -> AsyncGenerator[bytes, None]:
        yield sse.event("one", 1, 1)
        raise ZeroDivisionError

    @get("/")
    async def handler() -> EventStream:
        return EventStream(failing())

    listener = Listener(Litestar([handler], openapi_config=None, logging_config=None), "/")
    with pytest.raises(LitestarException):
        async with listener:
            await listener.rest()

    assert not listener.ended
