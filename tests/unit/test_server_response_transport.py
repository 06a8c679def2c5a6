import asyncio
from typing import Any

from typing_extensions import override

from aether.server.response_transport import ResponseTransport


class Wire(asyncio.Transport):
    """Records what is written; raises for a write after the client has disconnected, as uvloop does."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_disconnected = False

    @override
    def write(self, data: Any) -> None:  # Any: as the overridden method
        if self.is_disconnected:
            raise RuntimeError("the handler is closed")
        self.written.append(data)

    @override
    def is_closing(self) -> bool:
        return self.is_disconnected


def test_writes_are_passed_on_until_the_client_has_disconnected() -> None:
    wire = Wire()
    transport = ResponseTransport(wire, lambda: None)

    transport.write(b"head")
    wire.is_disconnected = True
    transport.write(b"body")

    assert (wire.written, transport.is_closing()) == ([b"head"], True)


def test_the_connection_decides_how_it_is_closed() -> None:
    closed: list[str] = []

    ResponseTransport(Wire(), lambda: closed.append("by the connection")).close()

    assert closed == ["by the connection"]
