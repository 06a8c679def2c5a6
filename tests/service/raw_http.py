"""Raw HTTP: a server on the real protocol with an app that echoes, and connections on which a test sends any bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from litestar.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from aether.api.middleware.request_context import handle_request
from aether.server.connection_limit import MAX_SURPLUS, ConnectionLimit
from aether.server.protocol import Protocol

HOST = b"Host: test\r\n"
CLOSE = b"Connection: close\r\n"


@dataclass(frozen=True)
class Response:
    """A response: status, headers with lower-case names, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, content: bytes) -> Self:
        head, _, body = content.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return cls(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)

    @property
    def problem(self) -> str:
        """The last part of the problem's type."""
        assert self.headers["content-type"] == "application/problem+json; charset=utf-8"
        word: str = json.loads(self.body)["type"].rpartition(":")[2]
        return word


@dataclass
class Server:
    """Echoes the body of each request, and records it in `requests`.

    A path that ends with `/slow` is answered after `released` is set, `/early` before its body arrives.
    """

    port: int = 0
    state: ServerState = field(default_factory=ServerState)
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    heads: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await handle_request(self._echo, scope, receive, send)  # type: ignore[arg-type]  # only HTTP comes here

    async def _echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]  # type: ignore[typeddict-item]  # there are no other messages
            more = message["more_body"]  # type: ignore[typeddict-item]  # as above
        self.requests.append((scope["method"], scope["path"], body))  # type: ignore[typeddict-item]  # as above
        self.heads.append(list(scope["headers"]))
        if scope["path"].endswith("/slow"):
            await self.released.wait()
        length = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]

    async def exchange(self, *parts: bytes) -> bytes:
        """Send the parts, each in a packet of its own if possible, and return everything received."""
        async with self.connection() as (reader, writer):
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.01)
            return await reader.read()

    async def request(self, *parts: bytes) -> Response:
        return Response.parse(await self.exchange(*parts))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(
    max_connections: int | None = None, max_surplus: int = MAX_SURPLUS, **limits: object
) -> AsyncIterator[Server]:
    """Serve on a free port; `limits` are class attributes of `Protocol`."""
    server = Server()
    protocol: type[Protocol] = type("Limited", (Protocol,), {"linger_s": 0.2, **limits})
    config = Config(server, lifespan="off", ws="none", http=protocol, log_config=None)
    config.load()
    limit = ConnectionLimit(max_connections, max_surplus)
    made: Callable[[], Any] = lambda: protocol(config, server.state, {}, limit=limit)  # noqa: E731
    listener = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.released.set()
        listener.close()
        for connection in list(server.state.connections):
            connection.transport.abort()
        await asyncio.gather(*server.state.tasks, return_exceptions=True)
