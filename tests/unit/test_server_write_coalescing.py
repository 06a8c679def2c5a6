"""An answer's head leaves together with what follows it."""

import asyncio
from typing import Any

from typing_extensions import override

from aether.server.write_coalescing import CoalescedWrites


class Wire(asyncio.Transport):
    """Notes each packet."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: Any) -> None:  # as the overridden one
        self.packets.append(data)

    @override
    def writelines(self, list_of_data: Any) -> None:  # as the overridden one
        self.packets.append(b"".join(list_of_data))

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def close(self) -> None:
        self.closed = True


async def test_head_and_body_are_one_packet() -> None:
    wire = Wire()
    answer = CoalescedWrites(wire, asyncio.get_running_loop())

    answer.write(b"head ")
    answer.write(b"body")
    await asyncio.sleep(0)

    assert wire.packets == [b"head body"]


async def test_a_head_whose_body_is_not_there_yet_goes_out_at_the_end_of_the_turn() -> None:
    wire = Wire()
    answer = CoalescedWrites(wire, asyncio.get_running_loop())

    answer.write(b"head")
    await asyncio.sleep(0)
    answer.write(b"first event")
    answer.write(b"second event")

    assert wire.packets == [b"head", b"first event", b"second event"]


async def test_a_head_without_a_body_is_sent_before_the_connection_is_closed() -> None:
    wire = Wire()
    answer = CoalescedWrites(wire, asyncio.get_running_loop())

    answer.write(b"head")
    answer.close()

    assert (wire.packets, answer.is_closing()) == ([b"head"], True)


async def test_what_is_large_is_not_copied() -> None:
    wire, sent = Wire(), b"x" * 1_000_000
    answer = CoalescedWrites(wire, asyncio.get_running_loop())

    answer.write(b"head")
    answer.write(b"")
    answer.write(sent)

    assert wire.packets[-1] is sent


async def test_nothing_is_written_for_who_has_left() -> None:
    wire = Wire()
    answer = CoalescedWrites(wire, asyncio.get_running_loop())

    answer.write(b"head")
    wire.close()
    answer.write(b"body")
    answer.write(b"more")

    assert wire.packets == []
