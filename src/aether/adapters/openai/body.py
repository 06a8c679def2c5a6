"""Body of an HTTP answer: read in pieces, decompressed, and never beyond a limit."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

import aiohttp

from aether.errors import ModelUnreachableError, UnusableOutputError

ACCEPT_ENCODING = "gzip, deflate"

_PIECE = 16_384  # bytes; a decompressed piece may be as long
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""The content codings, with the window of zlib for each."""
_RAW_DEFLATE = -15


def too_large(max_bytes: int, setting: str = "") -> UnusableOutputError:
    """Return the error for an answer of more than `max_bytes`; `setting` is where this limit is set."""
    return UnusableOutputError(f"it is larger than {max_bytes} bytes{setting and f' ({setting})'}")


async def read_pieces(response: aiohttp.ClientResponse, max_bytes: int, setting: str = "") -> AsyncIterator[bytes]:
    """Yield the body in pieces of up to 16 KiB; the event loop gets its turn between large ones.

    Raises:
        UnusableOutputError: the body has more than `max_bytes`, before or after decompression, or an unknown coding.
        ModelUnreachableError: the compressed data is broken.
    """
    coding = response.headers.get("Content-Encoding", "")
    decoder = _Decoder(coding) if coding and coding.strip().lower() != "identity" else None
    received = decoded = 0
    while piece := await response.content.read(_PIECE):
        received += len(piece)
        for part in decoder.decode(piece) if decoder else (piece,):
            decoded += len(part)
            if max(received, decoded) > max_bytes:
                raise too_large(max_bytes, setting)
            yield part
            # Reading does not wait as long as the buffer has data, so a fast server would keep the loop to itself.
            if len(part) == _PIECE:
                await asyncio.sleep(0)
        if received > max_bytes:  # nothing came out of it
            raise too_large(max_bytes, setting)


async def read_beginning(response: aiohttp.ClientResponse, max_bytes: int, timeout_s: float) -> bytes:
    """Return the beginning of a body, as much of it as arrives within the limits without an error."""
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in read_pieces(response, max_bytes):
                body += piece
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, ModelUnreachableError, UnusableOutputError):
        pass  # what has come so far says what can be known
    return bytes(body)


class _Decoder:
    """Decompresses one content coding in pieces, however much a few bytes may expand."""

    def __init__(self, coding: str) -> None:
        coding = coding.strip().lower()
        window = _CODINGS.get(coding)
        if window is None:
            raise UnusableOutputError("it has a content coding that was not asked for")
        self._zlib = zlib.decompressobj(window)
        self._may_be_raw = coding == "deflate"

    def decode(self, data: bytes) -> Iterator[bytes]:
        # What follows the end is ignored: zlib would collect it in memory.
        while data and not self._zlib.eof:
            part = self._decompress(data)
            data = self._zlib.unconsumed_tail
            if part:
                yield part
            elif not data:
                return

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._zlib.decompress(data, _PIECE)
        except zlib.error as error:
            if not self._may_be_raw:
                raise ModelUnreachableError("its compressed answer is broken") from error
            # Some servers send deflate without the header of zlib (RFC 9110, 8.4.1.2).
            self._may_be_raw, self._zlib = False, zlib.decompressobj(_RAW_DEFLATE)
            return self._decompress(data)
        finally:
            self._may_be_raw = False
