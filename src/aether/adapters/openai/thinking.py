"""Thinking filter: removes a model's thinking from a text that arrives whole or in pieces."""

import re
from collections.abc import Callable
from enum import Enum, auto

from aether.adapters.openai.recent_text import RecentText
from aether.adapters.openai.thinking_marks import begins_final_answer, find_marks, has_trigger, is_token
from aether.adapters.openai.thinking_talk import (
    cut_soft_marks,
    is_about_user,
    is_marked_as_thinking,
    is_talk,
    may_be_role,
    may_be_talk,
    without_role,
)

_BLANK = " \t\r\n\ufeff\u200b"
_INSIDE_SENTENCE = tuple(" ,;:.")
_LINE_ENDS = ("", "\n", "\r")


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
        is_over: a token has ended the answer, and what follows is no part of it.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self._holds = holds
        self._state = _State.START
        self._unread = ""
        self._answer: list[str] = []
        self._block: list[str] = []
        self._passed = 0
        self._is_blank = True
        self._recent = RecentText()
        self._mentions_open = self._opens_answer = self._has_strike = False
        self._in_channel = self._ends_at_token = self._is_loose_end = False
        self.thoughts: list[str] = []
        self.has_silent_thinking = False
        self.is_retracted = False
        self.is_over = False

    def feed(self, piece: str) -> str:
        """Return what is now known to be part of the answer."""
        if self._state is _State.ANSWER and not (self._unread or self.is_over) and not has_trigger(piece):
            self._recent.add(piece)
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
            elif cut_off and (self._holds or is_about_user(text) or is_marked_as_thinking(text)):
                self._drop_answer()
        elif self._state is _State.BLOCK and not cut_off and not self._is_loose_end:
            self._answer += self._block
        self._state = _State.ANSWER
        return self._pass_on()

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._answer)

    @property
    def is_answering(self) -> bool:
        """Whether what has come is, as far as is known, the answer."""
        return not self._is_blank and self._state is not _State.THINKING

    def _pass_on(self) -> str:
        if self._state is not _State.ANSWER or self.is_retracted:
            return ""
        passed, self._passed = self._passed, len(self._answer)
        return self._answer[-1] if passed == self._passed - 1 else "".join(self._answer[passed:])

    def _read(self, *, final: bool) -> None:
        """Read as much of the unread text as its marks allow."""
        text, at = self._unread, 0
        self._unread = ""
        for start, mark in find_marks(text, final=final):
            self._take(text[at:start])
            if mark is None:
                self._unread = text[start:]
                return
            if not self._handle(mark, text[mark.end() : mark.end() + 1]):
                self._take(mark[0])
            at = mark.end()
        self._take(text[at:])

    def _take(self, text: str) -> None:
        if not text or self.is_over:
            return
        self._recent.add(text)
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
        if (rest := without_role(beginning)) != beginning:
            self._answer, self._is_blank = [], True
            self._take_answer(rest)
        elif may_be_role(beginning):
            pass
        elif self.thoughts:
            self._state = _State.ANSWER
        elif self._holds or is_talk(beginning):
            self._state = _State.HELD
        elif not may_be_talk(beginning):
            self._state = _State.ANSWER

    def _handle(self, mark: re.Match[str], following: str) -> bool:
        """Do what the mark says; False if it is part of the text."""
        if self.is_over and mark.lastgroup not in ("channel", "final"):
            return True
        handler: Callable[[re.Match[str], str], bool] = getattr(self, f"_on_{mark.lastgroup}")
        return handler(mark, following)

    def _on_open(self, mark: re.Match[str], following: str) -> bool:
        if self._state in (_State.THINKING, _State.BLOCK):
            return False
        if self._is_blank:
            return self._begin_thinking(until_token=is_token(mark))
        if not self._recent.is_at_line_start or self._recent.in_fence or following in _INSIDE_SENTENCE:
            self._mentions_open = True
            return False
        if self._state is _State.HELD:
            self._drop_answer()
            return self._begin_thinking(until_token=is_token(mark))
        self._state, self._block = _State.BLOCK, [mark[0]]
        self._is_loose_end = following in _LINE_ENDS and self._recent.ends_sentence
        return True

    _on_fold = _on_open

    def _on_close(self, _: re.Match[str], following: str) -> bool:
        if self._state in (_State.THINKING, _State.BLOCK):
            return not self._in_channel and self._end_thinking()
        if self._mentions_open or self._recent.mentions_tag(following):
            return False
        self.has_silent_thinking = self.has_silent_thinking or not self._is_blank
        self._drop_answer()
        return self._end_thinking()

    def _on_channel(self, mark: re.Match[str], _: str) -> bool:
        self._in_channel = mark["channel"].casefold() != "final"
        return self._begin_thinking(until_token=True) if self._in_channel else self._on_final(mark, "")

    def _on_final(self, _: re.Match[str], __: str) -> bool:
        if self._state is not _State.THINKING:
            self._drop_answer()
        return self._end_thinking()

    def _on_token(self, _: re.Match[str], __: str) -> bool:
        is_thinking = self._state is _State.THINKING
        return self._end_thinking() if is_thinking and self._ends_at_token else not is_thinking

    def _on_end(self, mark: re.Match[str], following: str) -> bool:
        if self._state is _State.THINKING:
            return self._on_token(mark, following)
        if self._recent.mentions_token(following) or (self._has_strike and mark[0] == "</s>"):
            return False
        self.is_over = not self._is_blank
        return self.is_over or following != " "

    def _on_turn(self, _: re.Match[str], following: str) -> bool:
        if self._state is _State.THINKING or self._recent.mentions_token(following):
            return False
        self.is_over = not self._is_blank
        return True

    def _on_strike(self, _: re.Match[str], __: str) -> bool:
        self._has_strike = True
        return False

    def _on_empty(self, _: re.Match[str], __: str) -> bool:
        return self._is_blank

    def _on_unfold(self, _: re.Match[str], __: str) -> bool:
        return self._state is _State.THINKING and self._end_thinking()

    def _on_answer(self, mark: re.Match[str], following: str) -> bool:
        is_thinking, is_final = self._state is _State.THINKING, begins_final_answer(mark)
        is_mention = not is_thinking and self._recent.mentions_token(following)
        if (is_final and not is_mention) or (
            self._state in (_State.THINKING, _State.HELD) and self._recent.is_at_line_start
        ):
            self._opens_answer = True
            self.has_silent_thinking = self.has_silent_thinking or (is_final and not self._is_blank)
            return self._on_final(mark, following)
        opens = not (is_thinking or is_final) and (self._is_blank or (is_token(mark) and not is_mention))
        self._opens_answer = self._opens_answer or opens
        return opens

    def _on_answer_end(self, _: re.Match[str], following: str) -> bool:
        return self._opens_answer or (bool(self.thoughts) and not following.strip())

    def _begin_thinking(self, *, until_token: bool = False) -> bool:
        if self._is_blank:
            self._answer, self._passed = [], 0
        self._state, self._ends_at_token, self.is_over = _State.THINKING, until_token, False
        return True

    def _end_thinking(self) -> bool:
        self.thoughts += self._block or [""]  # so that it is known that there were thoughts, even if they were empty
        self._block = []
        self._state = _State.START if self._is_blank else _State.ANSWER
        self._recent.begin_line()
        self._in_channel = self.is_over = False
        return True

    def _drop_answer(self) -> None:
        """Count as thinking what was taken for the answer."""
        self.thoughts.append("".join(self._answer))
        self.is_retracted = self.is_retracted or bool("".join(self._answer[: self._passed]).strip(_BLANK))
        self._answer, self._passed, self._is_blank, self._mentions_open = [], 0, True, False
