"""A TCP proxy that breaks connections in every way a network does."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Self, TypeVar, cast

import uvloop

from tests.waiting import PATIENCE_S

T = TypeVar("T")
HOST = "127.0.0.1"
_LINGER_0 = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What a link does with the bytes it is given."""

    OPEN = "open"
    REFUSED = "refused"  # every connection is reset, new ones at once
    SILENT = "silent"  # nothing passes and nobody is told; what was sent meanwhile arrives when it is open again


class _Side(asyncio.Protocol):
    """One end of a connection; what it receives goes to its peer."""

    transport: asyncio.Transport

    def __init__(self, link: "Link", peer: "_Side | None" = None) -> None:
        self.link = link
        self.peer = peer
        self.early: list[bytes] = []
        self.late: deque[bytes] = deque()
        self.frozen = False
        self.dialled = False
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one without inheriting from it
        self.link.joined(self)

    def data_received(self, data: bytes) -> None:
        if self.peer is None or self.frozen:
            self.early.append(data)
        elif self.link.delay_s or self.late:
            self.late.append(data)
            asyncio.get_running_loop().call_later(self.link.delay_s, self._pass_on_late)
        else:
            self.peer.transport.write(data)

    def _pass_on_late(self) -> None:
        if self.late and self.peer is not None and not self.peer.lost:
            self.peer.transport.write(self.late.popleft())

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a reset and an orderly close mean the same here
        self.lost = True
        self.link.sides.discard(self)
        if self.peer is not None and not self.peer.lost:
            self.peer.transport.close()

    def reset(self) -> None:
        """End this side now, with a RST."""
        with contextlib.suppress(OSError):  # the other end may have been faster
            sock: socket.socket | None = self.transport.get_extra_info("socket")
            if sock is not None and sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self.transport.abort()

    def freeze(self) -> None:
        """Read no more, so that its peer hears nothing, not even of the end of the connection."""
        self.frozen = True
        # A transport that has just been made cannot be paused yet.
        asyncio.get_running_loop().call_soon(self._pause)

    def _pause(self) -> None:
        if self.frozen:
            with contextlib.suppress(RuntimeError):  # it is closing already
                self.transport.pause_reading()

    def thaw(self) -> None:
        """Read on, beginning with what came too early."""
        self.frozen = False
        if self.peer is not None:
            self.peer.transport.writelines(self.early)
            self.early.clear()
        with contextlib.suppress(RuntimeError):
            self.transport.resume_reading()


class Link:
    """One listening port in front of one server; its methods may be called from any thread."""

    port: int

    def __init__(self, proxy: "Proxy", upstream: str) -> None:
        self._proxy = proxy
        self._upstream = upstream
        self._dialling: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.mode = Mode.OPEN
        self.delay_s = 0.0
        self.sides: set[_Side] = set()

    def set_mode(self, mode: Mode) -> None:
        """Treat all connections so from now on."""
        self._proxy.call(lambda: self._change(mode))

    def redirect(self, upstream: str) -> None:
        """Lead new connections there; those that are open stay with the old server."""
        self._proxy.call(lambda: setattr(self, "_upstream", upstream))

    def set_delay(self, seconds: float) -> None:
        """Let every piece of data come later by this much."""
        self._proxy.call(lambda: setattr(self, "delay_s", seconds))

    def reset_all(self) -> None:
        """Reset the connections that are open; new ones are welcome."""
        self._proxy.call(self._reset_all)

    def forget_all(self) -> None:
        """Leave the connections that are open half open: neither end hears of the other again; new ones work."""
        self._proxy.call(self._forget_all)

    def close(self) -> None:
        """Stop listening and reset every connection."""
        self._proxy.call(self._close)

    def _close(self) -> None:
        self._server.close()
        self._reset_all()

    def _reset_all(self) -> None:
        for side in tuple(self.sides):
            side.reset()

    def _forget_all(self) -> None:
        for side in tuple(self.sides):
            side.freeze()
        self._proxy.forgotten.update(self.sides)
        self.sides.clear()

    def _change(self, mode: Mode) -> None:
        self.mode = mode
        if mode is Mode.REFUSED:
            self._reset_all()
        for side in tuple(self.sides):
            if mode is Mode.SILENT:
                side.freeze()
            else:
                side.thaw()
                self._dial(side)

    def joined(self, side: _Side) -> None:
        """Take a new connection, from a client or to the server."""
        self.sides.add(side)
        if self.mode is Mode.REFUSED:
            side.reset()
        elif self.mode is Mode.SILENT:
            side.freeze()
        elif side.peer is None:
            self._dial(side)

    def _dial(self, client: _Side) -> None:
        if client.peer is not None or client.dialled:
            return
        client.dialled = True
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _connect(self, client: _Side) -> None:
        loop = asyncio.get_running_loop()
        try:
            if self._upstream.startswith("/"):
                _, server = await loop.create_unix_connection(lambda: _Side(self, client), self._upstream)
            else:
                host, _, port = self._upstream.rpartition(":")
                _, server = await loop.create_connection(lambda: _Side(self, client), host, int(port))
        except OSError:
            client.reset()
            return
        client.peer = server
        if client.lost:
            server.transport.close()
        elif self.mode is Mode.OPEN:
            client.thaw()

    async def listen(self) -> None:
        """Take a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Side(self), HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]


class Proxy:
    """An event loop in a thread of its own, for any number of links."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chaos-proxy", daemon=True)
        self._links: list[Link] = []
        self.forgotten: set[_Side] = set()

    def link(self, upstream: str) -> Link:
        """Open a port that leads to `upstream`, a path of a unix socket or `host:port`."""
        link = Link(self, upstream)
        asyncio.run_coroutine_threadsafe(link.listen(), self._loop).result(PATIENCE_S)
        self._links.append(link)
        return link

    def call(self, change: Callable[[], T]) -> T:
        """Run in the proxy's loop and wait for it."""

        async def run() -> T:
            return change()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE_S)

    def _reset_forgotten(self) -> None:
        for side in tuple(self.forgotten):
            side.reset()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for link in self._links:
            link.close()
        self.call(self._reset_forgotten)
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(0.05, self._loop.stop))
        self._thread.join(PATIENCE_S)
