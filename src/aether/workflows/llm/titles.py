"""Titles: lines of a text that only repeat a title, in whatever form and with whatever number."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from aether.domain.numbering import is_number, without_numbers

_MAX_TAGS = 3  # around a title
_MAX_AROUND_TITLE = 120  # characters of numbers and markup in a heading

_BLOCK = re.compile(r"\s*(?:[-+*•]\s|>|```|~~~|\||<)")
_NUMBERED = re.compile(r"\s*\d{1,2}[.)]\s")
_TAGGED = re.compile(r"\s*<(?P<tag>title|h[1-6])>(?P<content>.*)</(?P=tag)>\s*", re.IGNORECASE)
_HEADING_MARKS = re.compile(r"^\s*#+|[*_`]+")
_QUOTATION_MARKS = " \t\"'“”„«»「」『』"
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")


class Titles:
    """Some titles, to which others are compared: only letters and digits count.

    `max_line` is the length of the longest line that may be one of them.
    """

    def __init__(self, titles: Iterable[str]) -> None:
        self._wanted = frozenset(filter(None, map(_letters_of_title, titles)))
        self.max_line = 2 * max(map(len, self._wanted), default=0) + _MAX_AROUND_TITLE

    def __contains__(self, title: object) -> bool:
        """Whether a heading is one of the titles, numbered or not."""
        if not self._wanted or not isinstance(title, str) or len(title) > self.max_line:
            return False
        plain = _HEADING_MARKS.sub("", title).strip(_QUOTATION_MARKS)
        return any(_letters(candidate) in self._wanted for candidate in without_numbers(plain))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._wanted)


def without_titles(lines: list[str], titles: Titles) -> list[str]:
    """Drop leading lines that only repeat one of the titles: as a heading, in bold or plain, numbered or not."""
    at, titled = 0, False
    while at < len(lines):
        if _repeats_title(lines, at, titles) or _numbers_title(lines, at, titles):
            titled = True
            underlined = at + 1 < len(lines) and set(lines[at + 1].strip()) in ({"="}, {"-"})
            at += 1 + underlined
        elif not lines[at].strip() or (titled and _RULE.fullmatch(lines[at])):
            at += 1
        else:
            break
    return lines[at:]


def _repeats_title(lines: list[str], at: int, titles: Titles) -> bool:
    line = lines[at]
    if not titles or len(line) > titles.max_line:
        return False
    for _ in range(_MAX_TAGS):
        if tagged := _TAGGED.fullmatch(line):
            if tagged["tag"].lower() == "title":
                return True  # the <title> of a page is never part of its text
            line = tagged["content"]
    if _BLOCK.match(line) or (_NUMBERED.match(line) and _begins_list(lines, at)):
        return False
    return line in titles


def _numbers_title(lines: list[str], at: int, titles: Titles) -> bool:
    """Whether the line is the number of a title that follows on a line of its own: "Chapter 2"."""
    line = lines[at].strip()
    if not 0 < len(line) <= _MAX_AROUND_TITLE // 2 or not is_number(_HEADING_MARKS.sub("", line)):
        return False
    following = _next_line(lines, at)
    return following < len(lines) and _repeats_title(lines, following, titles)


def _begins_list(lines: list[str], at: int) -> bool:
    following = _next_line(lines, at)
    return following < len(lines) and _NUMBERED.match(lines[following]) is not None


def _next_line(lines: list[str], at: int) -> int:
    """Return the position of the next line that is not blank."""
    return next((after for after in range(at + 1, len(lines)) if lines[after].strip()), len(lines))


@lru_cache(maxsize=256)  # each section of a report is compared to the titles of all
def _letters_of_title(title: str) -> str:
    return _letters(title)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()
