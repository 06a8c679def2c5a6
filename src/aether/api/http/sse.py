"""Server-sent events (WHATWG HTML, 9.2), whatever they tell: how one is written, and the answer that sends them.

A resource with news of its own writes them with `event`, puts PING where there have been none for `PULSE_S`, and
returns an `EventStream` of them. What it waits with must end when the server stops, as hubs do: clients come back after
the time that `opening` names, and resume behind the last `id` that they have read.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send
from typing_extensions import override

MEDIA_TYPE = "text/event-stream"
PULSE_S = 12.0
PING = b":\n\n"

_RETRY_MS = (1_000, 3_000)
_LONGEST_WRITE_S = 30.0
_HEADERS = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


def event(name: str, data: object, event_id: int | None = None) -> bytes:
    """Write an event with its data as JSON, in which no line can break.

    One that has no id leaves the client's cursor where it is.
    """
    cursor = b"" if event_id is None else b"id: %d\n" % event_id
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), cursor, _encode(data))


def opening() -> bytes:
    """Write what a stream begins with: how long to wait before coming back, so that not all clients do so at once."""
    return b"retry: %d\n\n" % random.randint(*_RETRY_MS)  # noqa: S311 - no secret


class EventStream(Response[None]):
    """Sends pieces as they come, until there are no more, or the client has left.

    A piece is one event or several. The next is asked for when the one before has been taken by the connection, so that
    whoever reads too slowly costs no memory; who takes nothing for long is let go.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        super().__init__(None)
        self._pieces = pieces

    @override
    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # what a handler declares of another answer
        return _Sending(self._pieces)


class _Sending(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers=_HEADERS)
        self._pieces = pieces

    @override
    async def send_body(self, send: Send, receive: Receive) -> None:
        try:
            async with _until_left(receive), aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    async with asyncio.timeout(_LONGEST_WRITE_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            # Without an end: the server cuts the connection, and the client knows that there is more to come.
            log.info("stream.too_slow")
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def _until_left(receive: Receive) -> AsyncIterator[None]:
    """Cut the block short when the client leaves."""
    try:
        async with asyncio.timeout(None) as stay:
            leaving = asyncio.create_task(_left(receive))

            def leave(_: asyncio.Task[None]) -> None:
                stay.reschedule(0.0)

            leaving.add_done_callback(leave)
            try:
                yield
            finally:
                leaving.remove_done_callback(leave)
                leaving.cancel()
    except TimeoutError:
        if not stay.expired():
            raise


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
