"""How an answer leaves the process."""

import asyncio
from typing import Any

from typing_extensions import override


class CoalescedWrites(asyncio.Transport):
    """The transport of one answer, which sends its head with what follows in the same turn of the loop.

    uvicorn writes head and body one after the other, and uvloop hands each write to the kernel at once: two packets,
    each of which wakes the client.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head: Any = None  # bytes, as the overridden method has them
        self._begun = False

    @override
    def write(self, data: Any) -> None:  # as the overridden one
        if self._begun:
            self._send(data)
            return
        self._begun, self._head = True, data
        self._loop.call_soon(self._send, b"")

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def close(self) -> None:
        self._send(b"")
        self._transport.close()

    def _send(self, data: Any) -> None:
        head, self._head = self._head, None
        if self._transport.is_closing():
            # The client has just left, of which uvicorn has not heard yet; to uvloop this is an error.
            return
        if head is not None:
            self._transport.writelines([head, data])
        elif data:
            self._transport.write(data)
