"""Recent text: what stands before a mark, which decides whether the mark is meant or only written about."""

import re

_CONTEXT = 160  # characters before a mark that decide what it means
_MAX_PIECES = 64
_SPACES = " \t"
_QUOTES = frozenset("`'\"“”\u2018’„\u201a«»()")
_ENDS = ".!?…。！？"  # noqa: RUF001 - of sentences in Chinese and Japanese
_CLOSERS = "\"'”’»)]*_`"
# A straight quotation mark opens a quotation behind a space or a bracket; behind a word it closes one.
_OPENING = re.compile(r"(?:(?:\A|[\s(\[{:,=—–-])[\"'`]|[“\u2018«„(])\Z")
_LIST_MARK = re.compile(r"\s*(?:[-*+•|>]|\d{1,3}[.)])[ \t]+")


class RecentText:
    """The last characters of a text that comes in pieces; `in_fence` tells whether they are in a fenced code block."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.in_fence = False

    def add(self, piece: str) -> None:
        """Go on with the next piece."""
        if "`" in piece:
            self.in_fence ^= (self.context[-2:] + piece).count("```") % 2 == 1
        self._pieces.append(piece)
        if len(self._pieces) > _MAX_PIECES:
            self._pieces = [self.context]

    def begin_line(self) -> None:
        """Forget what came before, since the text begins anew."""
        self._pieces, self.in_fence = ["\n"], False

    @property
    def context(self) -> str:
        """The characters that matter."""
        return "".join(self._pieces)[-_CONTEXT:]

    @property
    def line(self) -> str:
        """The line so far."""
        return self.context.rpartition("\n")[2]

    @property
    def is_at_line_start(self) -> bool:
        """Whether nothing but blanks stands on the line."""
        return not self.line.strip()

    @property
    def ends_sentence(self) -> bool:
        """Whether the text so far ends with a whole sentence."""
        return self.context.rstrip().rstrip(_CLOSERS)[-1:] in tuple(_ENDS)

    def mentions_tag(self, following: str) -> bool:
        """Whether a tag between this text and what follows is only written about: quoted, or inside a sentence."""
        before = self.context
        if before[-1:] in _QUOTES or following[:1] in _QUOTES:
            return bool(before[-1:] or following[:1])
        word = before.rstrip(_SPACES)[-1:]
        return before[-1:] in _SPACES and before != "" and (word.isalnum() or word == ",") and following[:1] in " .,;:"

    def mentions_token(self, following: str) -> bool:
        """Whether a token of a chat template is only written about; one that is meant may follow a quotation."""
        before, line = self.context, self.line
        if self.in_fence or line.count("`") % 2 or _LIST_MARK.fullmatch(line) or _OPENING.search(before):
            return True
        if before[-1:] == "*" == following[:1]:
            return True
        word = before.rstrip(_SPACES)[-1:]
        goes_on = following != "" and (following in " .,;:" or following in _QUOTES)
        return before[-1:] in tuple(_SPACES) and word not in tuple(_ENDS + _CLOSERS) and goes_on
