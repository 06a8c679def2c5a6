"""Thinking filter: removes a model's thinking from a text that arrives whole or in pieces."""

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto

from aether.adapters.openai.thinking_marks import (
    MARK,
    TRIGGER,
    cut_soft_marks,
    is_about_user,
    is_mention,
    is_talk,
    may_be_mark,
    may_be_talk,
    may_become_another,
)

_CONTEXT = 160  # characters before a mark that decide what it means
_MAX_RECENT = 64  # pieces
_BLANK = " \t\r\n\ufeff\u200b"
_INSIDE_SENTENCE = tuple(" ,;:.")


class _State(Enum):
    START = auto()  # only blanks so far
    HELD = auto()  # a text that may turn out to be thinking
    ANSWER = auto()
    THINKING = auto()
    BLOCK = auto()  # thinking inside the answer, if its end comes


class ThinkingFilter:
    """Passes on the answer, and keeps the thinking back.

    A piece is held back while it may still be part of a mark. The whole text is held back if the model is known to
    leave out the mark of the beginning (`holds`), or begins as if it thought aloud, because only the mark of the end
    tells then.

    Attributes:
        thoughts: the pieces of the thinking.
        has_silent_thinking: the thinking ended with a mark and began without one.
        is_retracted: some of the thinking was passed on before its end told that it was thinking.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self._holds = holds
        self._state = _State.START
        self._unread = ""
        self._answer: list[str] = []
        self._block: list[str] = []
        self._passed = 0
        self._is_blank = True
        self._recent: list[str] = []
        self._in_fence = False
        self._mentions_open = False
        self._in_channel = False
        self.thoughts: list[str] = []
        self.has_silent_thinking = False
        self.is_retracted = False

    def feed(self, piece: str) -> str:
        """Return what is now known to be part of the answer."""
        if self._state is _State.ANSWER and not self._unread and TRIGGER.search(piece) is None:
            self._note(piece)
            self._answer.append(piece)
        else:
            self._unread += piece
            self._read(final=False)
        return self._pass_on()

    def finish(self, *, cut_off: bool = False) -> str:
        """Return the rest of the answer; `cut_off` tells that the text has no end."""
        self._read(final=True)
        text = "".join(self._answer)
        if self._state is _State.HELD:
            if (answer := cut_soft_marks(text)) is not None:
                self._answer = [answer]
                self.thoughts.append(text[: len(text) - len(answer)])
            elif cut_off and (self._holds or is_about_user(text)):
                self._drop_answer()
        elif self._state is _State.BLOCK and not cut_off:
            self._answer += self._block
        self._state = _State.ANSWER
        return self._pass_on()

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._answer)

    def _pass_on(self) -> str:
        if self._state is not _State.ANSWER or self.is_retracted:
            return ""
        passed, self._passed = self._passed, len(self._answer)
        return self._answer[-1] if passed == self._passed - 1 else "".join(self._answer[passed:])

    def _read(self, *, final: bool) -> None:
        """Read as much of the unread text as its marks allow."""
        text, at = self._unread, 0
        self._unread = ""
        for start, mark in _find_marks(text, final=final):
            self._take(text[at:start])
            if mark is None:
                self._unread = text[start:]
                return
            if not self._handle(mark, text[mark.end() : mark.end() + 1]):
                self._take(mark[0])
            at = mark.end()
        self._take(text[at:])

    def _take(self, text: str) -> None:
        if not text:
            return
        self._note(text)
        if self._state is _State.THINKING:
            self.thoughts.append(text)
        elif self._state is _State.BLOCK:
            self._block.append(text)
        else:
            self._take_answer(text.lstrip(_BLANK) if self._is_blank and self.thoughts else text)

    def _take_answer(self, text: str) -> None:
        self._answer.append(text)
        self._is_blank = self._is_blank and not text.strip(_BLANK)
        if self._state is not _State.START or self._is_blank:
            return
        beginning = "".join(self._answer)
        if self.thoughts:
            self._state = _State.ANSWER
        elif self._holds or is_talk(beginning):
            self._state = _State.HELD
        elif not may_be_talk(beginning):
            self._state = _State.ANSWER

    def _note(self, text: str) -> None:
        """Remember what a later mark needs to know about the text before it."""
        if "`" in text:
            self._in_fence ^= (self._context[-2:] + text).count("```") % 2 == 1
        self._recent.append(text)
        if len(self._recent) > _MAX_RECENT:
            self._recent = [self._context]

    @property
    def _context(self) -> str:
        return "".join(self._recent)[-_CONTEXT:]

    @property
    def _is_at_line_start(self) -> bool:
        return not self._context.rpartition("\n")[2].strip()

    def _handle(self, mark: re.Match[str], following: str) -> bool:
        """Do what the mark says; False if it is part of the text."""
        handler: Callable[[re.Match[str], str], bool] = getattr(self, f"_on_{mark.lastgroup}")
        return handler(mark, following)

    def _on_open(self, mark: re.Match[str], following: str) -> bool:
        if self._state in (_State.THINKING, _State.BLOCK):
            return False
        if self._is_blank:
            return self._begin_thinking()
        if not self._is_at_line_start or self._in_fence or following in _INSIDE_SENTENCE:
            self._mentions_open = True
            return False
        if self._state is _State.HELD:
            self._drop_answer()
            return self._begin_thinking()
        self._state, self._block = _State.BLOCK, [mark[0]]
        return True

    def _on_close(self, mark: re.Match[str], following: str) -> bool:
        del mark
        if self._state in (_State.THINKING, _State.BLOCK):
            return not self._in_channel and self._end_thinking()
        if self._mentions_open or is_mention(self._context, following):
            return False
        self.has_silent_thinking = self.has_silent_thinking or not self._is_blank
        self._drop_answer()
        return self._end_thinking()

    def _on_channel(self, mark: re.Match[str], _: str) -> bool:
        if mark["channel"].casefold() != "final":
            return self._begin_thinking(channel=True)
        if self._state is not _State.THINKING:
            self._drop_answer()
        return self._end_thinking()

    def _on_token(self, _: re.Match[str], __: str) -> bool:
        if self._state is _State.THINKING and self._in_channel:
            return self._end_thinking()
        return self._state is not _State.THINKING

    def _on_empty(self, _: re.Match[str], __: str) -> bool:
        return self._is_blank

    def _on_fold(self, mark: re.Match[str], following: str) -> bool:
        return self._on_open(mark, following)

    def _on_unfold(self, _: re.Match[str], __: str) -> bool:
        return self._state is _State.THINKING and self._end_thinking()

    def _on_answer(self, _: re.Match[str], __: str) -> bool:
        if self._state is _State.HELD and self._is_at_line_start:
            self._drop_answer()
            return self._end_thinking()
        if self._state is _State.THINKING:
            return self._is_at_line_start and self._end_thinking()
        return self._state is _State.START and self._is_blank

    def _on_answer_end(self, _: re.Match[str], following: str) -> bool:
        return bool(self.thoughts) and not following.strip()

    def _begin_thinking(self, *, channel: bool = False) -> bool:
        if self._is_blank:
            self._answer, self._passed = [], 0
        self._state = _State.THINKING
        self._in_channel = channel
        return True

    def _end_thinking(self) -> bool:
        self.thoughts += self._block or [""]  # so that it is known that there were thoughts, even if they were empty
        self._block = []
        self._state = _State.START if self._is_blank else _State.ANSWER
        self._recent, self._in_channel, self._in_fence = ["\n"], False, False
        return True

    def _drop_answer(self) -> None:
        """Count as thinking what was taken for the answer."""
        self.thoughts.append("".join(self._answer))
        self.is_retracted = self.is_retracted or bool("".join(self._answer[: self._passed]).strip(_BLANK))
        self._answer, self._passed, self._is_blank, self._mentions_open = [], 0, True, False


def _find_marks(text: str, *, final: bool) -> Iterator[tuple[int, re.Match[str] | None]]:
    """Yield where marks start, with the mark; None is for the last one, if only more of the text tells what it is."""
    found = TRIGGER.search(text)
    while found:
        start = found.start()
        mark = MARK.match(text, start)
        # What follows a mark decides whether it is one.
        if mark and (final or (mark.end() < len(text) and not may_become_another(mark))):
            yield start, mark
            found = TRIGGER.search(text, mark.end())
        elif not final and (mark or may_be_mark(text[start : start + 500])):
            yield start, None
            return
        else:
            found = TRIGGER.search(text, start + 1)
