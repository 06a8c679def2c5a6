"""Blocks of a section: its paragraphs, lists, tables, code, quotes and verses, as the checks tell them apart."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache

from aether.workflows.report.quality.stop_word_counts import MAX_READ, StopWordCounts
from aether.workflows.report.quality.words import Grams, grams_of, words_of


class BlockKind(Enum):
    """What a block is."""

    PARAGRAPH = auto()
    LIST = auto()
    HEADING = auto()
    QUOTE = auto()
    VERSE = auto()
    TABLE = auto()
    CODE = auto()


class Block:
    """Some lines of a text, without the blank ones around them; `start` is the position of the first one.

    What several checks read of it is computed once.
    """

    __slots__ = ("_grams", "_stop_words", "_words", "kind", "lines", "start", "text")

    def __init__(self, kind: BlockKind, lines: list[str], start: int) -> None:
        self.kind = kind
        self.lines = lines
        self.start = start
        self.text = "\n".join(lines)
        self._words: tuple[str, ...] | None = None
        self._grams: Grams | None = None
        self._stop_words: StopWordCounts | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The words, in lower case."""
        if self._words is None:
            self._words = words_of(self.text)
        return self._words

    @property
    def grams(self) -> Grams:
        """All sequences of five words."""
        if self._grams is None:
            self._grams = grams_of(self.words)
        return self._grams

    @property
    def stop_words(self) -> StopWordCounts:
        """How many words of its beginning are frequent in each language."""
        if self._stop_words is None:
            words = self.words if len(self.text) <= MAX_READ else words_of(self.text[:MAX_READ])
            self._stop_words = StopWordCounts.of(words)
        return self._stop_words


PROSE = (BlockKind.PARAGRAPH, BlockKind.LIST)
"""What is read as sentences; a tuple is looked through sooner than members of an enumeration are hashed."""
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HAS_CODE = re.compile(r"```|~~~|^(?:\t| {4})", re.MULTILINE)
_CODE_SPAN = re.compile(r"(?<!`)(`{1,3})(?!`)[^`\n]{1,300}(?<!`)\1(?!`)")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_BEGINNINGS = (
    (BlockKind.HEADING, _HEADING),
    (BlockKind.LIST, _LIST_ITEM),
    (BlockKind.CODE, re.compile(r"\t| {4}")),
    (BlockKind.QUOTE, re.compile(r"\s*>")),
    (BlockKind.TABLE, re.compile(r"\s*\|")),
)
_MAX_VERSE = 60  # characters of a line
_MIN_VERSE = 3  # lines


@lru_cache(maxsize=64)  # each check reads all sections of a report
def blocks_of(text: str) -> tuple[Block, ...]:
    """Split a text where lines are blank, and where headings and code fences begin and end."""
    return tuple(_block(start, lines, is_code=is_code) for start, lines, is_code in _parts(text.split("\n")) if lines)


def prose_of(text: str) -> str:
    """Return what a reader reads as sentences: paragraphs and lists, without headings, quotes, verses, tables, code."""
    return "\n\n".join(block.text for block in prose_blocks(text))


def prose_blocks(text: str) -> list[Block]:
    """Return the blocks that `prose_of` joins."""
    return [block for block in blocks_of(text) if block.kind in PROSE]


def mask_code(text: str) -> str:
    """Return the text, of the same length, with spaces in place of all code."""
    has_spaces = "\t" in text or "    " in text
    if not (has_spaces or "`" in text or "~~~" in text):
        return text
    lines = text.split("\n")
    for block in blocks_of(text) if _HAS_CODE.search(text) else ():
        if block.kind is BlockKind.CODE:
            blank = [" " * len(line) for line in block.lines]
            lines[block.start : block.start + len(blank)] = blank
    return _CODE_SPAN.sub(lambda span: " " * len(span[0]), "\n".join(lines))


def _parts(lines: list[str]) -> Iterator[tuple[int, list[str], bool]]:
    fence, part, first = "", [], 0
    for at, line in enumerate(lines):
        marks = _FENCE.match(line)
        if fence:
            part.append(line)
            if marks and marks[1].startswith(fence) and not line.strip(" `~"):
                yield first, part, True
                fence, part, first = "", [], at + 1
        elif marks:
            yield first, part, False
            fence, part, first = marks[1], [line], at
        elif not line.strip() or _HEADING.match(line):
            yield first, part, False
            part, first = [], at + 1
            if line.strip():
                yield at, [line], False
        else:
            part.append(line)
    yield first, part, bool(fence)


def _block(start: int, lines: list[str], *, is_code: bool) -> Block:
    return Block(BlockKind.CODE if is_code else _kind(lines), lines, start)


def _kind(lines: list[str]) -> BlockKind:
    first = lines[0]
    for kind, begins in _BEGINNINGS:
        if begins.match(first):
            return kind
    if len(lines) > 1 and "|" in first and not lines[1].strip(" |:-"):
        return BlockKind.TABLE
    if any(map(_LIST_ITEM.match, lines[1:])):
        return BlockKind.LIST
    return BlockKind.VERSE if _is_verse(lines) else BlockKind.PARAGRAPH


def _is_verse(lines: list[str]) -> bool:
    return len(lines) >= _MIN_VERSE and all(len(line) <= _MAX_VERSE for line in lines)
