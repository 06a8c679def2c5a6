"""Load for an API process: one request, sent again and again over some connections at once.

As a process, run by `benchmarks.api`, it takes the port, the connections, the requests, the expected status and the
request, and prints how many seconds it took.
"""

import asyncio
import re
import sys
import time
from collections.abc import Iterator, Sequence

import uvloop
from typing_extensions import override

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection, which sends the next request when the answer to the last one is complete."""

    def __init__(self) -> None:
        self._answer = bytearray()
        self._done: asyncio.Future[None] | None = None

    async def send(self, left: Iterator[int], status: str, request: bytes) -> None:
        """Send requests until none is left; raises RuntimeError if an answer has another status."""
        self._left, self._status, self._request = left, status.encode(), request
        self._has_body = not request.startswith(b"HEAD") and status != "304"
        self._done = asyncio.get_running_loop().create_future()
        self._send_next()
        await self._done

    def close(self) -> None:
        """Close the connection."""
        self._done = None
        self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0 or len(self._answer) < head + 4 + self._length(head):
            return
        if not self._answer.startswith(b"HTTP/1.1 " + self._status):
            self._end(RuntimeError(self._answer[:300].decode(errors="replace")))
            return
        self._answer.clear()
        self._send_next()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("closed before the answer"))

    def _length(self, head: int) -> int:
        found = _LENGTH.search(self._answer, 0, head) if self._has_body else None
        return int(found[1]) if found else 0

    def _send_next(self) -> None:
        if next(self._left, None) is None:
            self._end(None)
        else:
            self._transport.write(self._request)  # type: ignore[attr-defined]  # of TCP, which can write

    def _end(self, error: Exception | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


async def open_connections(port: int, count: int) -> list[Connection]:
    """Open connections to a server on this machine."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]


async def send_requests(connections: Sequence[Connection], requests: int, status: str, request: bytes) -> None:
    """Send this many requests over all connections at once, and wait for all answers."""
    left = iter(range(requests))
    await asyncio.gather(*(connection.send(left, status, request) for connection in connections))


async def load(port: int, connections: int, requests: int, status: str, request: bytes) -> float:
    """Send all requests and return the seconds, the opening of the connections included."""
    since = time.perf_counter()
    opened = await open_connections(port, connections)
    await send_requests(opened, requests, status, request)
    seconds = time.perf_counter() - since
    for connection in opened:
        connection.close()
    return seconds


if __name__ == "__main__":
    port, connections, requests, status, request = sys.argv[1:]
    print(uvloop.run(load(int(port), int(connections), int(requests), status, request.encode())))
