"""Response transport: where uvicorn writes one response."""

import asyncio
from collections.abc import Callable
from typing import Any

from typing_extensions import override


class ResponseTransport(asyncio.Transport):
    """A connection's transport for the length of one response; `close_connection` is called in place of `close`.

    A client may have disconnected before uvicorn knows, and uvloop raises RuntimeError for a write after that. Here it
    is ignored.
    """

    def __init__(self, transport: asyncio.Transport, close_connection: Callable[[], None]) -> None:
        super().__init__()
        self._transport = transport
        self._close_connection = close_connection

    @override
    def write(self, data: Any) -> None:  # Any: as the overridden method
        if not self._transport.is_closing():
            self._transport.write(data)

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def close(self) -> None:
        self._close_connection()
