"""Bounded read: the body of an answer, collected from its pieces up to a limit."""

from collections.abc import AsyncIterator


async def read_bounded(pieces: AsyncIterator[bytes], max_bytes: int, too_large: Exception) -> bytes:
    """Return all pieces as one; beyond `max_bytes` nothing more is read, and `too_large` is raised."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > max_bytes:
            raise too_large
    return bytes(body)
