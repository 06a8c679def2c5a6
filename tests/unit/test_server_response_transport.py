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


def response_on(wire: Wire) -> ResponseTransport:
    return ResponseTransport(wire, lambda: wire.written.append(b"closed"), asyncio.get_running_loop())


async def test_a_body_is_written_together_with_its_head() -> None:
    wire = Wire()
    transport = response_on(wire)

    transport.write(b"head ")
    transport.write(b"body ")
    transport.write(b"more")
    await asyncio.sleep(0)

    assert wire.written == [b"head body ", b"more"]


async def test_a_head_that_nothing_follows_is_written_in_the_next_turn_of_the_loop() -> None:
    wire = Wire()
    transport = response_on(wire)

    transport.write(b"head")
    await asyncio.sleep(0)
    transport.write(b"event")

    assert wire.written == [b"head", b"event"]


async def test_nothing_is_written_after_the_client_has_disconnected() -> None:
    wire = Wire()
    transport = response_on(wire)

    transport.write(b"head")
    wire.is_disconnected = True
    transport.write(b"body")
    await asyncio.sleep(0)

    assert (wire.written, transport.is_closing()) == ([], True)


async def test_the_connection_decides_how_it_is_closed_once_the_head_is_written() -> None:
    wire = Wire()
    transport = response_on(wire)

    transport.write(b"head")
    transport.close()
    await asyncio.sleep(0)

    assert wire.written == [b"head", b"closed"]
