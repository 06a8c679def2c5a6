"""Server-sent events: their encoding, and the response that sends them."""

import asyncio
from collections.abc import AsyncGenerator

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


HEADERS = {"Content-Type": "text/event-stream"}
TEXT = '"\\\n{[,:]}' + "ä🙂" * 2_000
LONG = {"topic": "Rome", "sections": {f"{at}. §": TEXT for at in range(20)}, "counts": [1, 2.5, None]}


def test_long_data_has_several_lines_of_limited_length() -> None:
    written = sse.event("completed", LONG, 7)

    assert parsed(written) == [Received("completed", LONG, "7")]
    assert written.count(b"\ndata: ") > 5
    assert max(map(len, written.split(b"\n"))) <= 32_768 + len("data: ")


def test_the_parser_of_httpx_joins_the_lines() -> None:
    request = httpx2.Request("GET", "http://test")
    answer = httpx2.Response(200, headers=HEADERS, content=sse.event("completed", LONG, 7), request=request)
    (event,) = httpx2.EventSource(answer)

    assert (event.event, event.id, event.json()) == ("completed", "7", LONG)


async def test_a_reader_of_limited_lines_can_read_long_data() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(sse.event("completed", LONG, 7))
    reader.feed_eof()
    lines = [line.decode() async for line in reader]

    data = "".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
    assert msgspec.json.decode(data) == LONG


def test_a_text_that_is_longer_than_a_line_remains_whole() -> None:
    data = {"before": "a", "text": "b" * 100_000, "after": "c"}

    assert parsed(sse.event("section", data)) == [Received("section", data, None)]


def test_short_data_is_one_line() -> None:
    assert sse.event("section", ["a" * 30_000], 7).count(b"\ndata: ") == 1


strings = st.text() | st.text(alphabet='"\\,:{}[]\n\u2028é')
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | strings,
    lambda inner: st.lists(inner) | st.dictionaries(strings, inner),
    max_leaves=30,
)


@given(values, st.integers(1, 40))
def test_lines_break_only_between_tokens(value: object, max_line: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sse, "_MAX_LINE", max_line)
        written = sse.event("section", value)

    assert parsed(written) == [Received("section", value, None)]


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
        {
            "content-type": "text/event-stream",
            "cache-control": "no-store, no-transform",
            "content-encoding": "identity",
            "x-accel-buffering": "no",
        },
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
