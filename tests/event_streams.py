"""Reading server-sent events as a browser does, and listening to them in the API's own process."""

import asyncio
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from litestar.types import ASGIApp, HTTPScope

from tests.waiting import PATIENCE_S


class Received(NamedTuple):
    """An event: its name, its data, and the id that it brought, if it brought one."""

    name: str
    data: Any  # JSON, asserted field by field
    id: str | None = None


class Parser:
    """The event stream interpretation of WHATWG HTML, 9.2.6, without its freedom: what is odd is an error."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: int | None = None
        self.comments = 0
        self._left = b""

    def feed(self, piece: bytes) -> list[Received]:
        """Take bytes as they come, and return the events that are whole."""
        *blocks, self._left = (self._left + piece).split(b"\n\n")
        return [event for block in blocks if (event := self._event(block.decode())) is not None]

    def _event(self, block: str) -> Received | None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, colon, value = line.partition(":")
            assert colon, f"a line without a colon: {line!r}"
            assert name not in fields or name == "data", f"{name} comes twice: {block!r}"
            text = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{text}" if name in fields else text
        self.comments += "" in fields
        self.retry_ms = int(fields["retry"]) if "retry" in fields else self.retry_ms
        self.last_id = fields.get("id", self.last_id)
        if "data" not in fields:
            return None
        return Received(fields["event"], msgspec.json.decode(fields["data"]), fields.get("id"))


def parsed(stream: bytes) -> list[Received]:
    """Return the events of a stream that has ended."""
    return Parser().feed(stream)


class Listener:
    """A client of an app in this process.

    `ended` says whether the answer came to its end, rather than being cut off.
    """

    def __init__(self, app: ASGIApp, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> None:
        self.parser = Parser()
        self.status = 0
        self.ended = False
        self.headers: dict[str, str] = {}
        self._app = app
        self._scope = _scope(path, headers or {}, method)
        self._events: deque[Received] = deque()
        self._news = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._left = asyncio.Event()
        self._answering: asyncio.Task[None]

    async def next(self) -> Received:
        """Return the next event."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._events:
                assert not self._answering.done(), "the stream has ended"
                self._news.clear()
                await self._news.wait()
        return self._events.popleft()

    async def rest(self) -> list[Received]:
        """Return all events until the stream ends by itself."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.shield(self._answering)
        return list(self._events)

    def pause(self) -> None:
        """Take nothing more, as a connection whose buffers are full."""
        self._reading.clear()

    def resume(self) -> None:
        self._reading.set()

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()

    async def _send(self, message: Any) -> None:  # Any: any ASGI message
        await asyncio.sleep(0)
        await self._reading.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self._events += self.parser.feed(message["body"])
            self.ended = not message["more_body"]
        self._news.set()

    async def _receive(self) -> Any:
        if not self._left.is_set():
            await self._left.wait()
        return {"type": "http.disconnect"}

    async def _answer(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        finally:
            self._news.set()

    async def __aenter__(self) -> Self:
        self._answering = asyncio.create_task(self._answer())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.leave()
        self.resume()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({self._answering})


def _scope(path: str, headers: Mapping[str, str], method: str) -> HTTPScope:
    path, _, query = path.partition("?")
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in {"Host": "test", **headers}.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "extensions": {},
        "state": {},
    }
    result: HTTPScope = scope
    return result
