"""An API without a service behind it, on a connection that a test writes on byte by byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from litestar.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from aether.api.middleware import request_context as edge
from aether.server.protocol import Protocol

HOST = b"Host: test\r\n"
LAST = b"Connection: close\r\n"


@dataclass(frozen=True)
class Answer:
    """What came back on a connection: status, header lines in small letters, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, answered: bytes) -> Self:
        head, _, body = answered.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return cls(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)

    @property
    def problem(self) -> str:
        """The last word of the problem's type."""
        assert self.headers["content-type"] == "application/problem+json"
        word: str = json.loads(self.body)["type"].rpartition(":")[2]
        return word


@dataclass
class Server:
    """Answers with the body that it was sent, and notes each request in `asked`.

    `/slow` is not answered before `released`, `/early` before its body has come.
    """

    port: int = 0
    state: ServerState = field(default_factory=ServerState)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    heads: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await edge.serve(self._echo, scope, receive, send)  # type: ignore[arg-type]  # only HTTP comes here

    async def _echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]  # type: ignore[typeddict-item]  # there are no other messages
            more = message["more_body"]  # type: ignore[typeddict-item]  # as above
        self.asked.append((scope["method"], scope["path"], body))  # type: ignore[typeddict-item]  # as above
        self.heads.append(list(scope["headers"]))
        if scope["path"] == "/slow":
            await self.released.wait()
        length = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    async def talk(self, *parts: bytes) -> bytes:
        """Write the parts, each in a packet of its own as far as that can be had, and return all that is answered."""
        async with self.connection() as (reader, writer):
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.01)
            return await reader.read()

    async def ask(self, *parts: bytes) -> Answer:
        return Answer.parse(await self.talk(*parts))

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
async def serving(most: int | None = None, **limits: object) -> AsyncIterator[Server]:
    """Serve on a port of its own; `limits` are those of `Protocol` by name."""
    server = Server()
    protocol: type[Protocol] = type("Limited", (Protocol,), {"linger_s": 0.2, **limits})
    config = Config(server, lifespan="off", ws="none", http=protocol, log_config=None, limit_concurrency=most)
    config.load()
    made: Callable[[], Any] = lambda: protocol(config, server.state, {})  # noqa: E731
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
