"""A chat completion that comes in pieces, as server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType

from aether.adapters.openai.completions import TokenUsage, reply_of, whole
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Reply

_OPENING, _CLOSING = "<think>", "</think>"


class _Piece(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Piece | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...] | None = None
    usage: TokenUsage | None = None
    error: msgspec.Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Chunk)


class StreamedAnswer:
    """Takes the bytes of a stream as they come, and tells `on_text` what is said in them.

    The pieces told are together the text of the reply. A whole completion, which some servers send instead, is told at
    once.
    """

    def __init__(self, on_text: Callable[[str], object]) -> None:
        self._on_text = on_text
        self._speech = Speech()
        self._rest = b""
        self._content: list[str] = []
        self._refusal = ""
        self._finish_reason: str | None = None
        self._tokens: TokenUsage | None = None
        self._begun = False
        self._told = 0
        self.done = False

    def feed(self, data: bytes) -> None:
        """Take what has come.

        Raises:
            UnusableOutputError: it is no piece of a completion.
        """
        self._rest += data
        if self._is_whole:
            return
        *lines, self._rest = self._rest.split(b"\n")
        said = "".join(map(self._read, lines))
        if said:
            self._content.append(said)
            self._tell(self._speech.said(said))

    def reply(self) -> Reply:
        """Return the whole, behind the end of the stream.

        Raises:
            ModelUnreachableError: the end came too soon.
            UnusableOutputError: it is no completion.
        """
        if not self._is_whole:
            self.feed(b"\n")
        reply = self._reply() if self._begun else whole(self._rest)
        self._tell(reply.text[self._told :])
        return reply

    @property
    def _is_whole(self) -> bool:
        return not self._begun and self._rest.lstrip().startswith(b"{")

    def _reply(self) -> Reply:
        # A connection that is closed in order does not tell whether this was all.
        if not self.done and self._finish_reason is None:
            raise ModelUnreachableError("its answer broke off")
        return reply_of("".join(self._content), self._refusal or None, self._finish_reason, self._tokens)

    def _tell(self, spoken: str) -> None:
        if spoken:
            self._told += len(spoken)
            self._on_text(spoken)

    def _read(self, line: bytes) -> str:
        """Take in a line, and return what is said in it."""
        if not line.startswith(b"data:"):
            return ""
        self._begun = True
        data = line[5:].strip()
        if data == b"[DONE]":
            self.done = True
            return ""
        return self._said(_chunk(data))

    def _said(self, chunk: _Chunk) -> str:
        if chunk.error is not UNSET:
            raise UnusableOutputError("it broke off with an error")
        self._tokens = chunk.usage or self._tokens
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        piece = choice.delta or _Piece()
        self._refusal += piece.refusal or ""
        return piece.content or ""


def _chunk(data: bytes) -> _Chunk:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no chat completion") from error


class Speech:
    """Takes a text in pieces and leaves out the thoughts at its beginning, as soon as it is clear what are none."""

    def __init__(self) -> None:
        self._held = ""
        self._listen = self._at_the_beginning

    def said(self, piece: str) -> str:
        """Return what has turned out to be no thought."""
        return self._listen(piece)

    def _at_the_beginning(self, piece: str) -> str:
        self._held += piece
        begun = self._held.lstrip()
        if begun.startswith(_OPENING):
            self._held, self._listen = "", self._in_thought
            return self._in_thought(begun.removeprefix(_OPENING))
        if _OPENING.startswith(begun):
            return ""
        self._listen = _aloud
        return self._held

    def _in_thought(self, piece: str) -> str:
        thought, closed, rest = (self._held + piece).partition(_CLOSING)
        if closed:
            self._listen = self._after_thought
            return self._after_thought(rest)
        self._held = thought[-len(_CLOSING) :]
        return ""

    def _after_thought(self, piece: str) -> str:
        spoken = piece.lstrip()
        if spoken:
            self._listen = _aloud
        return spoken


def _aloud(piece: str) -> str:
    return piece
