"""A process that sends one request again and again over some connections at once; run by `benchmarks.api`.

Takes the port, the connections, the requests, the status to expect and the request. Prints how many seconds it took.
"""

import asyncio
import re
import sys
import time
from collections.abc import Iterator

import uvloop
from typing_extensions import override

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is whole."""

    def __init__(self, left: Iterator[int], request: bytes, status: bytes, *, bodiless: bool) -> None:
        self._left = left
        self._request = request
        self._status = status
        self._bodiless = bodiless
        self._answer = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    @override
    def data_received(self, data: bytes) -> None:
        self._answer += data
        head = self._answer.find(b"\r\n\r\n")
        if head < 0 or len(self._answer) < head + 4 + self._length(head):
            return
        if not self._answer.startswith(b"HTTP/1.1 " + self._status):
            self.done.set_exception(RuntimeError(self._answer[:300].decode(errors="replace")))
            return
        self._answer.clear()
        self._next()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed before the answer"))

    def _length(self, head: int) -> int:
        found = None if self._bodiless else _LENGTH.search(self._answer, 0, head)
        return int(found[1]) if found else 0

    def _next(self) -> None:
        if next(self._left, None) is None:
            self.done.set_result(None)
        else:
            self._transport.write(self._request)  # type: ignore[attr-defined]  # of TCP, which can write


async def load(port: int, connections: int, requests: int, status: str, request: bytes) -> float:
    """Send all of them and return the seconds."""
    left = iter(range(requests))
    since = time.perf_counter()
    clients = [
        _Client(left, request, status.encode(), bodiless=request.startswith(b"HEAD") or status == "304")
        for _ in range(connections)
    ]
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda client=client: client, "127.0.0.1", port) for client in clients]  # type: ignore[misc]  # mypy knows no such lambda
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - since
    for transport, _ in opened:
        transport.close()
    return seconds


if __name__ == "__main__":
    port, connections, requests, status, request = sys.argv[1:]
    print(uvloop.run(load(int(port), int(connections), int(requests), status, request.encode())))
