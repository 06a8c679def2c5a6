"""Lenient JSON: decodes what model servers send, with broken bytes and of any size, without holding the event loop.

Decoding JSON cannot be interrupted, and takes tens of milliseconds for some megabytes. So the long strings of a large
document are cut out first, and decoded in pieces when they are wanted.
"""

import asyncio
import json
import re
import sys
from binascii import a2b_base64
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from aether.errors import UnusableOutputError

SMALL = 65_536
"""Bytes that are decoded at once, whatever they contain."""

_MAX_SKELETON = 98_304
_LONG = 1_024
_SLICE = 65_536
_MAX_TEXT_BYTES = 8_388_608
_STRINGS_PER_TURN = 1_000
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
_CHARACTERS = re.compile(rb'[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+', re.DOTALL)
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_CONTROLS = bytes(range(32))
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"))
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_CUT_OUT = "\x00"  # no text of a model begins so


NO_COMPLETION = "it is no chat completion"


def no_json() -> UnusableOutputError:
    """Return the error for a document that cannot be decoded."""
    return UnusableOutputError(NO_COMPLETION)


def decode_small(document: bytes) -> object:
    """Decode a small document: broken UTF-8 is replaced, other encodings and control characters are accepted.

    Raises:
        UnusableOutputError: it is no JSON.
    """
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = document.decode(json.detect_encoding(document), "replace")
        if len(document) <= SMALL:
            return json.loads(text.lstrip("\ufeff"), strict=False)
        # Python's decoder is slow, so a larger document gets spaces for its control characters.
        return msgspec.json.decode(text.encode().translate(bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))))
    except (ValueError, RecursionError) as error:
        raise no_json() from error


def well_formed(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can contain and nothing can store."""
    return _SURROGATES.sub("\ufffd", text)


class _Range(NamedTuple):
    start: int
    end: int


class JsonDocument:
    """A decoded document: `value`, in which placeholders may stand for long strings."""

    def __init__(self, value: object, source: bytes = b"", strings: tuple[_Range, ...] = ()) -> None:
        self.value = value
        self._source = source
        self._strings = strings

    @classmethod
    async def decode(cls, source: bytes) -> "JsonDocument":
        """Decode a document of any size.

        Raises:
            UnusableOutputError: it is no JSON, or has too many values besides its long strings.
        """
        if len(source) <= SMALL:
            return cls(decode_small(source))
        skeleton, strings = bytearray(), list[_Range]()
        at = count = 0
        while (quote := source.find(b'"', at)) >= 0:
            skeleton += source[at : min(quote, at + _MAX_SKELETON + 1)]
            end = await _end_of_string(source, quote + 1)
            if end - quote > _LONG:
                skeleton += b'"\\u0000%d"' % len(strings)
                strings.append(_Range(quote + 1, end - 1))
            else:
                skeleton += source[quote:end]
            if len(skeleton) > _MAX_SKELETON:
                raise no_json()
            at = end
            count += 1
            if count % _STRINGS_PER_TURN == 0:
                await asyncio.sleep(0)
        if len(source) - at + len(skeleton) > _MAX_SKELETON:
            raise no_json()
        return cls(decode_small(bytes(skeleton + source[at:])), source, tuple(strings))

    async def text(self, string: str, max_chars: int) -> str:
        """Return a string of the document, at most `max_chars` of it, and at most 8 MiB in memory."""
        if not string.startswith(_CUT_OUT):
            return well_formed(string[:max_chars])
        parts: list[str] = []
        length, width = 0, 1
        async for piece in self._pieces(string):
            text = _decode_string(piece)
            # One character of four bytes makes all characters of the whole text take four bytes.
            width = max(width, _width(text))
            room = min(max_chars, _MAX_TEXT_BYTES // width) - length
            if room <= 0:
                break
            parts.append(text[:room])
            length += len(parts[-1])
        return "".join(parts)[: _MAX_TEXT_BYTES // width]

    async def base64(self, string: str, max_bytes: int, too_large: Exception) -> bytes:
        """Decode a string of the document that is base64, with or without the prefix of a `data:` URL (RFC 2397).

        Raises:
            ValueError: it is no base64.
        """
        content, rest = bytearray(), b""
        is_first = True
        async for piece in self._pieces(string):
            encoded = piece.replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")
            if is_first and encoded.startswith(b"data:"):
                encoded = encoded.partition(b",")[2]
            is_first = False
            if not encoded.isascii():
                raise ValueError("no base64")
            encoded = rest + encoded.translate(_URL_SAFE, _NOT_BASE64)
            whole = len(encoded) // 4 * 4
            content += a2b_base64(encoded[:whole])
            rest = encoded[whole:]
            if len(content) > max_bytes:
                raise too_large
        if rest:
            content += a2b_base64(rest + b"=" * (-len(rest) % 4))
        if len(content) > max_bytes:
            raise too_large
        return bytes(content)

    async def _pieces(self, string: str) -> AsyncIterator[bytes]:
        """Yield a string as it is written in JSON, in pieces that each can be decoded."""
        if not string.startswith(_CUT_OUT):
            yield msgspec.json.encode(string)[1:-1]
            return
        start, end = self._strings[int(string[1:])]
        while start < end:
            stop = _safe_cut(self._source, start, min(start + _SLICE, end), end)
            yield self._source[start:stop]
            start = stop
            await asyncio.sleep(0)


def _width(text: str) -> int:
    """Return how many bytes each character of a text takes in memory: 1, 2 or 4."""
    if text.isascii():
        return 1
    bytes_each = sys.getsizeof(text) / len(text)
    return next(width for width in (1, 2, 4) if bytes_each < width * 3 / 2 or width == 4)  # noqa: PLR2004 - as above


async def _end_of_string(source: bytes, start: int) -> int:
    """Return the position behind the quote that ends a string."""
    while found := _STRING.match(source, start, start + _SLICE):
        if found[1]:
            return found.end()
        # The slice may end inside an escape, which begins the next one.
        if found.end() == start:
            break
        start = found.end()
        await asyncio.sleep(0)
    raise no_json()


def _safe_cut(source: bytes, start: int, stop: int, end: int) -> int:
    """Return where to cut near `stop`: not inside a character, an escape, or a pair of escapes."""
    if stop == end:
        return stop
    found = _CHARACTERS.match(source, start, stop)
    if found is None or found.end() == start:
        return stop
    stop = found.end()
    while stop > start + 1 and source[stop] & 0xC0 == 0x80:  # noqa: PLR2004 - the bytes that continue a character
        stop -= 1
    if _ends_in_half_pair(source[start:stop]) and source[stop : stop + 2] == b"\\u":
        stop += 6
    return min(stop, end)


def _ends_in_half_pair(piece: bytes) -> bool:
    """Whether a piece that begins at a character ends with the escape of the first half of a surrogate pair."""
    before = piece[:-6]
    # After an odd number of backslashes, the one of these six characters is escaped itself.
    is_escape = (len(before) - len(before.rstrip(b"\\"))) % 2 == 0
    return is_escape and _HALF_PAIR.fullmatch(piece[-6:]) is not None


def _decode_string(piece: bytes) -> str:
    quoted = b'"' + piece + b'"'
    try:
        return msgspec.json.decode(quoted, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return well_formed(json.loads(quoted.decode("utf-8", "replace"), strict=False))
    except ValueError as error:
        raise no_json() from error
