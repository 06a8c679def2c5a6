from collections.abc import AsyncIterator

import pytest

from aether.outbound.bounded_read import read_bounded


class Body:
    """Yields one byte at a time, and counts them."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.read = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        while self.read < self.length:
            self.read += 1
            yield b"x"


@pytest.mark.parametrize("length", [0, 1, 5])
async def test_a_body_within_the_limit_is_read_whole(length: int) -> None:
    assert await read_bounded(Body(length).pieces(), 5, ValueError()) == b"x" * length


async def test_a_larger_body_is_refused_and_not_read_to_its_end() -> None:
    body, error = Body(1_000_000), ValueError("larger than 5 bytes")

    with pytest.raises(ValueError, match="larger than 5 bytes") as raised:
        await read_bounded(body.pieces(), 5, error)

    assert (raised.value, body.read) == (error, 6)
