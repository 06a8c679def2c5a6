"""Stream chunks: the events of a stream that are decoded in one step, and lists of events."""

import asyncio
import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from aether.adapters.openai.answers import TokenUsage


class ChunkDelta(msgspec.Struct, frozen=True):
    """The next piece of an answer."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[()] | None = None


class ChunkChoice(msgspec.Struct, frozen=True):
    """The only choice of a chunk."""

    delta: ChunkDelta
    index: Literal[0] | None = 0
    finish_reason: str | None = None
    native_finish_reason: None = None
    finish_details: None = None
    error: None = None


class Chunk(msgspec.Struct, frozen=True):
    """An ordinary chunk. One with other values in these fields is read by `read_answer`."""

    choices: tuple[ChunkChoice]
    usage: TokenUsage | None = None
    finish_reason: None = None
    stop_reason: None = None
    error: None = None


class UsageChunk(msgspec.Struct, frozen=True):
    """A chunk with the usage alone."""

    choices: tuple[()]
    usage: TokenUsage
    error: None = None


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_BLANKS = 512  # before the first event
chunk_decoder = msgspec.json.Decoder(Chunk)
usage_decoder = msgspec.json.Decoder(UsageChunk)
_LIST = re.compile(rb'\s*+\[\s*+\{[^\x00]{0,4000}?"(?:choices|candidates)"')
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}]|[^"{}]{1,4096}+', re.DOTALL)
_TOKENS_PER_TURN = 2_000
_LONG = 4_000  # bytes of a token that takes as long as many short ones
_MAX_EVENTS = 50_000
_MAX_LIST = 4_194_304  # bytes


async def listed_events(body: bytes) -> list[bytes]:
    """Return the events of a stream that was sent as one JSON list; an empty list if the body is none.

    A list of whole completions, of which each has a message, is no stream.
    """
    events: list[bytes] = []
    depth = start = 0
    is_list = len(body) <= _MAX_LIST and _LIST.match(body)
    for count, token in enumerate(_TOKENS.finditer(body) if is_list else (), 1):
        match token[0]:
            case b"{":
                start = start if depth else token.start()
                depth += 1
            case b"}":
                depth -= 1
                if depth == 0:
                    events.append(body[start : token.end()])
        if len(events) > _MAX_EVENTS:
            return []
        if count % _TOKENS_PER_TURN == 0 or token.end() - token.start() > _LONG:
            await asyncio.sleep(0)
    return events if len(events) > 1 and b'"message"' not in events[0] else []


def lines_of(body: bytes) -> Iterator[bytes]:
    """Yield the lines of a body one by one: splitting millions of them would hold the event loop."""
    at = 0
    while at < len(body):
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        yield body[at:end]
        at = end + 1


def without_byte_order_mark(unparsed: bytearray) -> bytes:
    """Remove a byte order mark from the beginning of a stream, and return how it goes on, without blanks.

    It is empty as long as all that has come may be part of the mark.
    """
    if unparsed.startswith(_BYTE_ORDER_MARK):
        del unparsed[: len(_BYTE_ORDER_MARK)]
    beginning = bytes(unparsed[:_MAX_BLANKS])
    return b"" if _BYTE_ORDER_MARK.startswith(beginning) else beginning.lstrip()
