"""Streaming: parsing a chat completion that arrives in pieces, as server-sent events (WHATWG HTML, 9.2)."""

import asyncio
from collections.abc import Callable

import msgspec

from aether.adapters.openai.answers import MAX_TEXT, Answer, TokenUsage, read_answer
from aether.adapters.openai.completions import parse_completion
from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.lenient_json import SMALL, Document, no_json
from aether.adapters.openai.replies import SLICE, ending_of, remove_thinking
from aether.adapters.openai.thinking import ThinkingFilter
from aether.errors import ModelUnreachableError, UnusableOutputError

_LINES_PER_TURN = 100
_MAX_LINE = 1_048_576
_MAX_BEGINNING = 4_096  # bytes that say what it is, if it is no completion
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[()] | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta
    finish_reason: str | None = None
    error: None = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: tuple[_Choice]
    usage: TokenUsage | None = None
    error: None = None


class _UsageChunk(msgspec.Struct, frozen=True):
    choices: tuple[()]
    usage: TokenUsage
    error: None = None


_decoder = msgspec.json.Decoder(_Chunk)
_usage_decoder = msgspec.json.Decoder(_UsageChunk)


class StreamedCompletion:
    """Parses the bytes of a stream as they arrive, and passes the text in them to `on_text`.

    `beginning` is how the stream begins, and `has_text` whether there was text in it.

    The pieces passed on add up to the text of the answer, unless thinking was passed on before a mark told that it was
    thinking. Some servers send a whole completion instead of a stream; its text is passed on in one piece.
    """

    def __init__(
        self, on_text: Callable[[str], object] | None = None, *, holds: bool = False, max_chars: int = MAX_TEXT
    ) -> None:
        self._on_text = on_text
        self._holds = holds
        self._max_chars = max_chars
        self._unparsed = bytearray()
        self._is_whole: bool | None = None
        self._is_error_event = False
        self._content_chars = 0
        self._reasoning: list[str] = []
        self._answer = Answer(has_choice=False)
        self.thinking = ThinkingFilter(holds=holds)
        self.beginning = b""
        self.done = False

    async def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            UnusableOutputError: they are not part of a completion.
        """
        self._unparsed += data
        if len(self.beginning) < _MAX_BEGINNING:
            self.beginning += data[:_MAX_BEGINNING]
        if self._is_whole is None:
            beginning = bytes(self._unparsed[:512]).removeprefix(_BYTE_ORDER_MARK).lstrip()
            self._is_whole = beginning.startswith((b"{", b"[")) if beginning else None
        if self._is_whole or b"\n" not in data:
            if not self._is_whole and len(self._unparsed) > _MAX_LINE:
                raise UnusableOutputError(f"one of its lines is larger than {_MAX_LINE} bytes")
            return
        *lines, rest = bytes(self._unparsed).split(b"\n")
        self._unparsed = bytearray(rest)
        content: list[str] = []
        for count, line in enumerate(lines, 1):
            if line.startswith(b"data:") and (text := self._parse_chunk(line[5:])) is not None:
                content.append(text)
            elif line:
                content.append(await self._parse_line(line))
            if count % _LINES_PER_TURN == 0:
                await asyncio.sleep(0)
        await self._take("".join(content))

    @property
    def has_text(self) -> bool:
        """Whether there has been text so far."""
        return self._content_chars > 0

    async def answer(self) -> Answer:
        """Return the answer, once the stream has ended.

        Raises:
            ModelUnreachableError: the stream ended too early.
            UnusableOutputError: it was not a completion.
        """
        if self._is_whole:
            return await self._whole_answer()
        await self.feed(b"\n")
        answer = self._answer
        if not self.done and answer.finish_reason is None and answer.error is None:
            if not answer.has_choice:
                raise no_json()
            # A connection that is closed in order does not prove that the answer is complete.
            raise ModelUnreachableError("its answer broke off", ended_early=True)
        answer.reasoning += "".join(self._reasoning)
        self._emit(self.thinking.finish(cut_off=ending_of(answer.finish_reason) == "cut off"))
        return answer

    async def _whole_answer(self) -> Answer:
        """Parse a completion that is no stream, or a stream of lines of JSON."""
        body = bytes(self._unparsed)
        try:
            answer = await parse_completion(body, self._max_chars)
        except UnusableOutputError:
            lines = [line for line in body.split(b"\n") if line.strip()]
            if len(lines) < 2:  # noqa: PLR2004 - one line is what was parsed
                raise
            self._is_whole = False
            self._unparsed = bytearray(b"\n".join(b"data: " + line for line in lines))
            return await self.answer()
        return await self.take_whole(answer)

    async def take_whole(self, answer: Answer) -> Answer:
        """Take an answer that was no stream, pass its text on, and return it."""
        self.thinking = await remove_thinking(answer, holds=self._holds)
        self._emit(self.thinking.text)
        return answer

    async def _take(self, content: str) -> None:
        for at in range(0, len(content), SLICE):
            if self._content_chars >= self._max_chars:
                return
            if at:
                await asyncio.sleep(0)
            piece = content[at : at + SLICE]
            self._content_chars += len(piece)
            self._emit(self.thinking.feed(piece))

    def _emit(self, text: str) -> None:
        if text and self._on_text is not None:
            self._on_text(text)

    async def _parse_line(self, line: bytes) -> str:
        """Parse a line of the stream that is no ordinary chunk, and return the content in it."""
        if not line.startswith(b"data:"):
            if line.startswith(b"event:"):
                self._is_error_event = line[6:].strip() == b"error"
            return ""
        data = line[5:].strip()
        if not data or self._answer.error is not None:
            return ""
        if data in (b"[DONE]", b"[done]"):
            self.done = self._answer.has_choice = True
            return ""
        if self._is_error_event:
            self._answer.error = read_error(data)
            return ""
        return await self._add_chunk(data)

    def _parse_chunk(self, data: bytes) -> str | None:
        """Parse an ordinary chunk, and return the content in it; None if it is no such chunk."""
        if len(data) > SMALL or self._is_error_event or self._answer.error is not None:
            return None
        try:
            chunk = _decoder.decode(data)
            return self._add_typed(chunk.choices[0], chunk.usage)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        try:
            self._answer.tokens = _usage_decoder.decode(data).usage
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return ""

    async def _add_chunk(self, data: bytes) -> str:
        document = await Document.decode(data)
        value = document.value
        if not isinstance(value[0] if isinstance(value, list) and value else value, dict):
            raise no_json()
        return self._add_answer(await read_answer(document))

    def _add_typed(self, choice: _Choice, tokens: TokenUsage | None) -> str:
        answer, delta = self._answer, choice.delta
        answer.has_choice = True
        answer.tokens = tokens or answer.tokens
        answer.finish_reason = choice.finish_reason or answer.finish_reason
        if delta.refusal:
            answer.refusal += delta.refusal
        if reasoning := delta.reasoning_content or delta.reasoning:
            self._reasoning.append(reasoning)
        return delta.content or ""

    def _add_answer(self, piece: Answer) -> str:
        answer = self._answer
        answer.has_choice = True
        answer.error = piece.error
        answer.tokens = piece.tokens or answer.tokens
        answer.finish_reason = piece.finish_reason or answer.finish_reason
        answer.refusal += piece.refusal
        answer.arguments += piece.arguments
        self._reasoning.append(piece.reasoning)
        return piece.content
