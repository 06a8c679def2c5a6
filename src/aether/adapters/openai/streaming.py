"""Streaming: parsing a chat completion that arrives in pieces, as server-sent events (WHATWG HTML, 9.2)."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from aether.adapters.openai.answer_builder import AnswerBuilder
from aether.adapters.openai.answers import MAX_TEXT, Answer, read_answer
from aether.adapters.openai.completions import parse_completion
from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.finish_reasons import ending_of
from aether.adapters.openai.lenient_json import SMALL, JsonDocument, no_json
from aether.adapters.openai.replies import SLICE, remove_thinking
from aether.adapters.openai.stream_chunks import (
    chunk_decoder,
    lines_of,
    listed_events,
    usage_decoder,
    without_byte_order_mark,
)
from aether.adapters.openai.thinking import ThinkingFilter
from aether.errors import ModelUnreachableError, UnusableOutputError

_LINES_PER_TURN = 100
_MAX_LINE = 1_048_576
_MAX_CHARS_BEHIND = 2_000  # that a model may write behind its end, where another message may follow
_MAX_BEGINNING = 4_096  # bytes that say what it is, if it is no completion
_MAX_PAGE = 16_384  # and if it is no stream


class StreamedCompletion:
    """Parses the bytes of a stream as they arrive, and passes the text in them to `on_text`.

    Attributes:
        beginning: how the stream begins.
        done: its end has come, and what follows is not read.
        finished_at: the time of the event loop at which it was finished, since when no text has come; None before.

    The pieces passed on add up to the text of the answer, unless thinking was passed on before a mark told that it was
    thinking. Some servers send a whole completion instead of a stream; its text is passed on in one piece.
    """

    def __init__(
        self,
        on_text: Callable[[str], object] | None = None,
        *,
        holds: bool = False,
        max_chars: int = MAX_TEXT,
        enough: int | None = None,
    ) -> None:
        self._on_text = on_text
        self._holds = holds
        self._max_chars = max_chars
        self._unparsed = bytearray()
        self._is_whole: bool | None = None
        self._is_error_event = False
        self._enough = enough
        self._content_chars = self._passed_chars = self._chars_behind = 0
        self._builder = AnswerBuilder()
        self._answer = self._builder.answer
        self.thinking = ThinkingFilter(holds=holds)
        self.beginning = b""
        self.done = False
        self.finished_at: float | None = None

    async def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            UnusableOutputError: they are not part of a completion.
        """
        if self.done or self._take_event(data):
            return
        self._unparsed += data
        if len(self.beginning) < _MAX_BEGINNING:
            self.beginning += data[:_MAX_BEGINNING]
        if self._is_whole is None:
            beginning = without_byte_order_mark(self._unparsed)
            self._is_whole = beginning.startswith((b"{", b"[")) if beginning else None
        if self._is_whole or b"\n" not in data:
            if not self._is_whole and len(self._unparsed) > _MAX_LINE:
                raise UnusableOutputError(f"one of its lines is larger than {_MAX_LINE} bytes")
            return
        *lines, rest = bytes(self._unparsed).split(b"\n")
        self._unparsed = bytearray(rest)
        await self._parse_lines(lines)

    def _take_event(self, data: bytes) -> bool:
        """Take exactly one ordinary event, as most pieces are, at a fraction of the cost; False if it is another."""
        if self._unparsed or self._is_whole is not False or not data.startswith(b"data:"):
            return False
        if not data.endswith(b"\n\n") or data.find(b"\n") != len(data) - 2 or len(data) > SLICE:
            return False
        if (text := self._parse_chunk(data[5:])) is None:
            return False
        if text and self._content_chars < self._max_chars:
            self._take_piece(text)
        self._note_end(text)
        return True

    async def _parse_lines(self, lines: Iterable[bytes]) -> None:
        content: list[str] = []
        for count, line in enumerate(lines, 1):
            if line.startswith(b"data:") and (text := self._parse_chunk(line[5:])) is not None:
                content.append(text)
            elif line:
                content.append(await self._parse_line(line))
            if self.done:
                break
            if count % _LINES_PER_TURN == 0:
                await asyncio.sleep(0)
        text = "".join(content)
        await self._take(text)
        self._note_end(text)

    def _note_end(self, text: str) -> None:
        if self._answer.finish_reason is not None and (text or self.finished_at is None):
            self.finished_at = asyncio.get_running_loop().time()

    def cut(self) -> None:
        """End the answer here: as if the server had reached its limit, unless the model has come to its end."""
        self._answer.finish_reason, self.done = "stop" if self.thinking.is_over else "length", True

    @property
    def has_text(self) -> bool:
        """Whether there has been text so far."""
        return self._content_chars > 0

    @property
    def has_enough(self) -> bool:
        """Whether as much text has been passed on as is wanted, or the model goes on behind its end."""
        is_long = self._enough is not None and self._passed_chars >= self._enough
        return is_long or self._chars_behind > _MAX_CHARS_BEHIND

    @property
    def may_be_cut(self) -> bool:
        """Whether the caller is content with the beginning of a text, and there is some of it."""
        return self._enough is not None and self.thinking.is_answering

    async def answer(self) -> Answer:
        """Return the answer, once the stream has ended.

        Raises:
            ModelUnreachableError: the stream ended too early.
            UnusableOutputError: it was not a completion.
        """
        if self._is_whole:
            return await self.read_whole(bytes(self._unparsed))
        await self.feed(b"\n")
        await self._take(self._builder.end())
        answer = self._answer
        if not self.done and answer.finish_reason is None and answer.error is None:
            if not answer.has_choice:
                raise no_json()
            # A connection that is closed in order does not prove that the answer is complete.
            raise ModelUnreachableError("its answer broke off", ended_early=True)
        self._emit(self.thinking.finish(cut_off=ending_of(answer.finish_reason) == "cut off"))
        return answer

    async def read_whole(self, body: bytes) -> Answer:
        """Read a completion that is no stream, or a stream of lines of JSON, or of the elements of a list.

        Raises:
            ModelUnreachableError, UnusableOutputError: as `answer`.
        """
        self.beginning = body[:_MAX_PAGE]
        if events := await listed_events(body):
            return await self._answer_of(events)
        try:
            answer = await parse_completion(body, self._max_chars)
        except UnusableOutputError:
            if b"\n" not in body.strip():  # the one line is what was parsed
                raise
            return await self._answer_of(lines_of(body))
        self.thinking = await remove_thinking(answer, holds=self._holds)
        self._emit(self.thinking.text)
        return answer

    async def _answer_of(self, events: Iterable[bytes]) -> Answer:
        await self._parse_lines(b"data: " + event.replace(b"\n", b" ") for event in events)
        self._is_whole, self._unparsed = False, bytearray()
        return await self.answer()

    async def _take(self, content: str) -> None:
        for at in range(0, len(content), SLICE):
            if self._content_chars >= self._max_chars:
                return
            if at:
                await asyncio.sleep(0)
            self._take_piece(content[at : at + SLICE])

    def _take_piece(self, piece: str) -> None:
        self._content_chars += len(piece)
        self._chars_behind += len(piece) if self.thinking.is_over else 0
        self._emit(self.thinking.feed(piece))

    def _emit(self, text: str) -> None:
        self._passed_chars += len(text)
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
            chunk = chunk_decoder.decode(data)
            return self._builder.add_choice(chunk.choices[0], chunk.usage)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        try:
            self._answer.tokens = usage_decoder.decode(data).usage
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return ""

    async def _add_chunk(self, data: bytes) -> str:
        if events := await listed_events(data):
            return "".join([await self._add_chunk(event) for event in events])
        document = await JsonDocument.decode(data)
        value = document.value
        if not isinstance(value[0] if isinstance(value, list) and value else value, dict):
            raise no_json()
        return self._builder.add_answer(await read_answer(document))
