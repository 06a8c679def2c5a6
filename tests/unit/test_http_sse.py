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
def test_a_text_comes_through_whatever_breaks_lines_in_it(text: str) -> None:
    written = sse.event("section", {"text": text}, 7)

    assert parsed(written) == [Received("section", {"text": text}, "7")]
    assert written.count(b"\n") == 4
    assert b"\r" not in written


def test_an_event_without_an_id_leaves_the_cursor_alone() -> None:
    parser = Parser()
    parser.feed(sse.event("section", 1, 7) + sse.event("section.delta", 2))

    assert parser.last_id == "7"


def test_a_ping_is_no_event() -> None:
    parser = Parser()

    assert parser.feed(sse.PING) == []
    assert parser.comments == 1
    assert sse.PING_INTERVAL_S < 15


def test_clients_are_told_to_come_back_at_different_times() -> None:
    times = set()
    for _ in range(50):
        parser = Parser()
        assert parser.feed(sse.opening()) == []
        times.add(parser.retry_ms)

    assert len(times) > 10
    assert all(time and 500 <= time <= 5_000 for time in times)


class Source:
    """Pieces that are scripted, then silence; `asked` counts how many were wanted, `closed` says that none will be."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self.asked = 0
        self.closed = False
        self._pieces = pieces
        self._ends = ends

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self._pieces:
                self.asked += 1
                yield piece
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.closed = True


def app_of(source: Source) -> Litestar:
    @get("/")
    async def handler() -> EventStream:
        return EventStream(source.pieces())

    return Litestar([handler], openapi_config=None, logging_config=None)


async def test_events_are_sent_as_they_come_until_there_are_no_more() -> None:
    source = Source(sse.event("one", 1, 1), sse.PING, sse.event("two", 2, 2))
    async with Listener(app_of(source), "/") as listener:
        events = await listener.rest()

    assert [event.name for event in events] == ["one", "two"]
    assert (listener.status, listener.headers) == (
        200,
        {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"},
    )
    assert source.closed


async def test_a_client_that_leaves_ends_the_stream() -> None:
    source = Source(sse.event("one", 1, 1), ends=False)
    async with Listener(app_of(source), "/") as listener:
        await listener.next()
        assert not source.closed
        listener.leave()
        await listener.rest()

    assert source.closed


async def test_who_reads_no_further_is_not_read_for() -> None:
    """What is not taken is not asked for, so nothing piles up."""
    source = Source(*(sse.event("one", at, at) for at in range(100)))
    async with Listener(app_of(source), "/") as listener:
        await listener.next()
        listener.pause()
        for _ in range(1_000):
            await asyncio.sleep(0)
        asked = source.asked
        listener.resume()
        rest = await listener.rest()

    assert asked < 100
    assert source.asked == 100
    assert [event.data for event in rest] == list(range(1, 100))


async def test_who_reads_nothing_for_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_WRITE_TIMEOUT_S", 0.05)
    source = Source(*(sse.event("one", at, at) for at in range(100)))
    async with Listener(app_of(source), "/") as listener:
        await listener.next()
        listener.pause()
        await listener.rest()

    assert source.closed
    assert not listener.ended


async def test_a_failure_in_mid_stream_cuts_it_instead_of_ending_it() -> None:
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
