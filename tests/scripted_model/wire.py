"""Wire: HTTP/1.1 on a raw asyncio protocol, with pieces of bytes at their times, and failures of the connection."""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from typing import Literal, Protocol, cast
from urllib.parse import parse_qsl

import httptools
import msgspec

from tests.scripted_model.calls import Call

Ending = Literal["keep", "close", "reset", "hang", "flood"]

_LINGER_0 = struct.pack("ii", 1, 0)
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_BROKEN = b"HTTP/1.1 500 Scripted Model Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Bytes to write `after_ms` after the piece before."""

    after_ms: float
    data: bytes


class FloodBytes(msgspec.Struct, frozen=True):
    """A block that is sent again and again, until there have been `total` bytes."""

    block: bytes = b""
    total: int = 0


class Plan(msgspec.Struct, frozen=True):
    """Everything that happens on the connection for one request.

    Attributes:
        ending: "keep" leaves the connection open, "close" closes it normally, "reset" sends a TCP RST, and "hang" does
            nothing until the client closes. "flood" sends more and more bytes first, and then closes it.
        outcome: The outcome that is recorded when the plan is complete.
    """

    pieces: tuple[Piece, ...]
    ending: Ending = "keep"
    status: int = 200
    call: Call | None = None
    outcome: str = ""
    flood: FloodBytes = FloodBytes()


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Application(Protocol):
    """What a connection needs: a plan for each request, and a receiver of its end."""

    connections: "set[Connection]"

    def respond(self, request: Request) -> Plan: ...

    def complete_plan(self, plan: Plan) -> None: ...

    def abort_plan(self, plan: Plan) -> None:
        """Record that the connection ended before the plan was complete."""


class Connection(asyncio.Protocol):
    """The connection of one client; pipelined requests are answered one after the other."""

    __slots__ = (
        "_app",
        "_body",
        "_flooded",
        "_headers",
        "_loop",
        "_next",
        "_parser",
        "_paused",
        "_plan",
        "_request",
        "_timer",
        "_transport",
        "_url",
        "_waiting",
    )

    _transport: asyncio.Transport
    _parser: httptools.HttpRequestParser

    def __init__(self, app: Application, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._waiting: deque[Request] = deque()
        self._request: Request | None = None
        self._plan: Plan | None = None
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._flooded = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without inheriting from it
        self._parser = httptools.HttpRequestParser(self)
        self._app.connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:  # a defect here or in a rule's predicate: show it
            self._loop.call_exception_handler({"message": "MakeReply failed", "exception": error.__context__ or error})
            self._transport.write(_BROKEN)
            self._transport.close()
        except httptools.HttpParserError:
            self._transport.write(_BAD_REQUEST)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a reset and a normal close mean the same here: the client is gone
        self._app.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        plan, self._plan = self._plan, None
        if plan is not None:
            self._app.abort_plan(plan)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._plan is not None and self._plan.ending == "flood" and self._timer is None:
            self._pour(self._plan)

    def _pour(self, plan: Plan) -> None:
        """Send as much of a flood as the client takes; the rest follows when it takes more."""
        flood = plan.flood
        while self._flooded < flood.total and not self._paused and not self._transport.is_closing():
            self._flooded += len(flood.block)
            self._transport.write(flood.block)
        if self._flooded >= flood.total:
            self._plan = None
            self._app.complete_plan(plan)
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once, with a RST."""
        with contextlib.suppress(OSError):  # the client may have closed it already
            sock: socket.socket = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self._transport.abort()

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if "expect" in self._headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            self._parser.get_method().decode(),
            path,
            dict(parse_qsl(query)) if query else {},
            self._headers,
            b"".join(self._body),
            self._parser.should_keep_alive(),
        )
        self._waiting.append(request)
        if self._plan is None:
            self._begin()

    def _begin(self) -> None:
        self._request = self._waiting.popleft()
        self._plan = self._app.respond(self._request)
        self._next = 0
        self._advance(waited=False)

    def _advance(self, *, waited: bool = True) -> None:
        plan = self._plan
        assert plan is not None
        while self._next < len(plan.pieces):
            piece = plan.pieces[self._next]
            if piece.after_ms > 0 and not waited:
                self._timer = self._loop.call_later(piece.after_ms / 1000, self._advance)
                return
            waited = False
            self._next += 1
            if piece.data:
                self._transport.write(piece.data)
                if plan.call is not None:
                    plan.call.status = plan.status
        self._end(plan)

    def _end(self, plan: Plan) -> None:
        self._timer = None
        if plan.ending == "hang":
            return
        if plan.ending == "flood":
            self._pour(plan)
            return
        self._plan = None
        self._app.complete_plan(plan)
        if plan.ending == "reset":
            self.abort()
        elif plan.ending == "close" or self._request is None or not self._request.keep_alive:
            self._transport.close()
        elif self._waiting:
            self._begin()
