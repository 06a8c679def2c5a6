"""SSE: server-sent events (WHATWG HTML, 9.2), their encoding and the response that sends them.

A resource encodes its events with `event`, sends PING after `PING_INTERVAL_S` without one, and returns an `EventStream`
of them. Its source of events has to end when the server stops, as change hubs do. Clients reconnect after the time that
`opening` names, and resume after the last `id` that they have read.
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send
from typing_extensions import override

MEDIA_TYPE = "text/event-stream"
PING_INTERVAL_S = 12.0
PING = b":\n\n"

_MAX_LINE = 32_768
"""Half of what the line readers of several languages take by default."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_RETRY_MS = (1_000, 3_000)
_WRITE_TIMEOUT_S = 30.0
HEADERS = {
    "Content-Type": MEDIA_TYPE,
    # A proxy that compresses a stream holds back events until it has enough of them. The first header is the standard's
    # (RFC 9111, 5.2.2.6); the second also stops those that do not know it, such as Caddy 2.6.
    "Cache-Control": "no-store, no-transform",
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
}

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


def event(name: str, data: object, event_id: int | None = None) -> bytes:
    """Encode an event with its data as JSON.

    An event without an id leaves the client's `Last-Event-ID` unchanged.
    """
    id_line = b"" if event_id is None else b"id: %d\n" % event_id
    content = _encode(data)
    if len(content) > _MAX_LINE:
        content = b"\ndata: ".join(_lines(content))
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), id_line, content)


def _lines(content: bytes) -> Iterator[bytes]:
    """Break long JSON before strings, where it may contain line breaks: some clients cannot read lines of any length.

    Parsers join the lines of an event with a line break. A string that is longer than a line has to remain one.
    """
    start = 0
    for string in _STRING.finditer(content):
        if string.end() - start > _MAX_LINE and string.start() > start:
            yield content[start : string.start()]
            start = string.start()
    yield content[start:]


def opening(min_delay_s: float = 0) -> bytes:
    """Return the start of a stream: a random delay before clients reconnect, so that not all do so at once."""
    return b"retry: %d\n\n" % (min_delay_s * 1_000 + random.randint(*_RETRY_MS))  # noqa: S311 - no secret


class EventStream(Response[None]):
    """Sends chunks of one or more events as they come, until there are no more or the client disconnects.

    The next chunk is requested once the connection has taken the previous one, so a slow client costs no memory. A
    client that reads nothing for `_WRITE_TIMEOUT_S` is disconnected.
    """

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(None)
        self._chunks = chunks

    @override
    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # Any: the arguments are not used
        return _StreamingResponse(self._chunks)


class _StreamingResponse(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers=HEADERS)
        self._chunks = chunks

    @override
    async def send_body(self, send: Send, receive: Receive) -> None:
        try:
            async with _until_disconnect(receive), aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    async with asyncio.timeout(_WRITE_TIMEOUT_S):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            # Without a final message the server cuts the connection, so the client knows that there is more to come.
            log.info("stream.too_slow")
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def _until_disconnect(receive: Receive) -> AsyncIterator[None]:
    """End the block early when the client disconnects."""
    try:
        async with asyncio.timeout(None) as timeout:
            disconnect = asyncio.create_task(_disconnect(receive))

            def end_block(_: asyncio.Task[None]) -> None:
                timeout.reschedule(0.0)

            disconnect.add_done_callback(end_block)
            try:
                yield
            finally:
                disconnect.remove_done_callback(end_block)
                disconnect.cancel()
    except TimeoutError:
        if not timeout.expired():
            raise


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
