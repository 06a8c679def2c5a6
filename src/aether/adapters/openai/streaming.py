"""Streaming: parsing a chat completion that arrives in pieces, as server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType

from aether.adapters.openai.completions import TokenUsage, make_reply, parse_completion
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Reply

_OPENING_TAG, _CLOSING_TAG = "<think>", "</think>"


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...] | None = None
    usage: TokenUsage | None = None
    error: msgspec.Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Chunk)


class StreamedCompletion:
    """Parses the bytes of a stream as they arrive, and passes the text in them to `on_text`.

    The pieces passed on add up to the text of the reply. Some servers send a whole completion instead of a stream; its
    text is passed on in one piece.
    """

    def __init__(self, on_text: Callable[[str], object]) -> None:
        self._on_text = on_text
        self._filter = ThinkingFilter()
        self._unparsed = b""
        self._content: list[str] = []
        self._refusal = ""
        self._finish_reason: str | None = None
        self._tokens: TokenUsage | None = None
        self._has_events = False
        self._emitted_chars = 0
        self.done = False

    def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            UnusableOutputError: they are not part of a completion.
        """
        self._unparsed += data
        if self._is_whole_completion:
            return
        *lines, self._unparsed = self._unparsed.split(b"\n")
        content = "".join(map(self._parse_line, lines))
        if content:
            self._content.append(content)
            self._emit(self._filter.feed(content))

    def reply(self) -> Reply:
        """Return the reply, once the stream has ended.

        Raises:
            ModelUnreachableError: the stream ended too early.
            UnusableOutputError: it was not a completion.
        """
        if not self._is_whole_completion:
            self.feed(b"\n")
        reply = self._streamed_reply() if self._has_events else parse_completion(self._unparsed)
        self._emit(reply.text[self._emitted_chars :])
        return reply

    @property
    def _is_whole_completion(self) -> bool:
        return not self._has_events and self._unparsed.lstrip().startswith(b"{")

    def _streamed_reply(self) -> Reply:
        # A connection that is closed in order does not prove that the answer is complete.
        if not self.done and self._finish_reason is None:
            raise ModelUnreachableError("its answer broke off")
        return make_reply("".join(self._content), self._refusal or None, self._finish_reason, self._tokens)

    def _emit(self, text: str) -> None:
        if text:
            self._emitted_chars += len(text)
            self._on_text(text)

    def _parse_line(self, line: bytes) -> str:
        """Parse a line of the stream, and return the content in it."""
        if not line.startswith(b"data:"):
            return ""
        self._has_events = True
        data = line[5:].strip()
        if data == b"[DONE]":
            self.done = True
            return ""
        return self._add_chunk(_parse_chunk(data))

    def _add_chunk(self, chunk: _Chunk) -> str:
        if chunk.error is not UNSET:
            raise UnusableOutputError("it broke off with an error")
        self._tokens = chunk.usage or self._tokens
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        delta = choice.delta or _Delta()
        self._refusal += delta.refusal or ""
        return delta.content or ""


def _parse_chunk(data: bytes) -> _Chunk:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no chat completion") from error


class ThinkingFilter:
    """Removes a model's thinking from the beginning of a text that arrives in pieces.

    A piece is held back only while it may still be part of a tag.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = self._before_thinking

    def feed(self, piece: str) -> str:
        """Return what is now known to be no thinking."""
        return self._state(piece)

    def _before_thinking(self, piece: str) -> str:
        self._held += piece
        text = self._held.lstrip()
        if text.startswith(_OPENING_TAG):
            self._held, self._state = "", self._in_thinking
            return self._in_thinking(text.removeprefix(_OPENING_TAG))
        if _OPENING_TAG.startswith(text):
            return ""
        self._state = _pass_through
        return self._held

    def _in_thinking(self, piece: str) -> str:
        thinking, closing_tag, rest = (self._held + piece).partition(_CLOSING_TAG)
        if closing_tag:
            self._state = self._after_thinking
            return self._after_thinking(rest)
        self._held = thinking[-len(_CLOSING_TAG) :]
        return ""

    def _after_thinking(self, piece: str) -> str:
        text = piece.lstrip()
        if text:
            self._state = _pass_through
        return text


def _pass_through(piece: str) -> str:
    return piece
