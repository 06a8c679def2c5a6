"""Repetition in a section: passages that go round in a loop, and paragraphs that stand there twice."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aether.workflows.report.quality.blocks import BlockKind, blocks_of
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import count_words, grams_of, is_unspaced, least_words, words_of

_LOOP = RULES["loop"].limits
_DUPLICATE = RULES["duplicate"].limits
_PROSE = {BlockKind.PARAGRAPH, BlockKind.LIST}
# A run of marks is looked at once, from its beginning: else one without a space behind it would take quadratic time.
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+\s|[。！？]|\n")
_AROUND = " \t-*+•#_"  # a sentence that is an item of a list
_MAX_VERSES = 6  # times that a line may stand in a poem


class Repetition(NamedTuple):
    """What repeats itself, and how much of it: the value with its limit."""

    passage: str
    value: float
    limit: float


def find_loop(text: str) -> Repetition | None:
    """Find a sentence that stands there again and again, or a stretch that has hardly anything new."""
    prose = "\n\n".join(_lines_of(text))
    words = words_of(prose)
    grams = grams_of(words)
    # Where no five words occur twice, which is seen at once, no sentence does.
    may_repeat = len(set(grams)) < len(grams) or is_unspaced(words)
    repeated = (_repeated_sentence(prose) or _repeated_grams(grams)) if may_repeat else None
    return repeated or _compressible(prose)


def _lines_of(text: str) -> Iterator[str]:
    for block in blocks_of(text):
        if block.kind in _PROSE:
            yield block.text
        elif block.kind is BlockKind.VERSE:
            line, times = Counter(block.lines).most_common(1)[0]
            if times > _MAX_VERSES:
                yield "\n".join([line] * times)


def _repeated_sentence(prose: str) -> Repetition | None:
    times = Counter(sentence.strip(_AROUND).casefold() for sentence in _SENTENCE_END.split(prose))
    limit = _LOOP["sentences"]
    for sentence, most in times.most_common():
        if most < limit:
            break
        if count_words(sentence) >= _LOOP["sentence_words"]:
            return Repetition(sentence, most, limit)
    return None


def _repeated_grams(grams: Sequence[tuple[str, ...]]) -> Repetition | None:
    """Find a stretch of words in which many sequences of five occurred before."""
    size, limit = int(_LOOP["stretch_words"]), _LOOP["repeated_5_grams"]
    for start in range(0, len(grams), size // 2):
        stretch = grams[start : start + size]
        if len(stretch) < size // 2 and start:
            break
        share = 1 - len(set(stretch)) / len(stretch)
        if share >= limit and len(stretch) >= _LOOP["least_words"]:
            gram, _ = Counter(stretch).most_common(1)[0]
            return Repetition(" ".join(gram), share, limit)
    return None


def _compressible(prose: str) -> Repetition | None:
    """Find a window that a compressor shrinks more than any prose."""
    window, limit = int(_LOOP["window_bytes"]), _LOOP["compression"]
    data = prose.encode("utf-8", "replace")
    for start in range(0, len(data), window):
        piece = data[start : start + window]
        if len(piece) < window and start:
            piece = data[-window:]
        ratio = len(piece) / len(zlib.compress(piece))
        if ratio > limit:
            return Repetition(piece.decode("utf-8", "ignore"), ratio, limit)
    return None


class Duplicate(NamedTuple):
    """A paragraph that an earlier section has, too, and the share of it that stands there."""

    paragraph: str
    section: int
    earlier: int
    share: float


def find_duplicates(sections: Sequence[str | None]) -> Iterator[Duplicate]:
    """Find the paragraphs of which much stands in an earlier section, or earlier in their own."""
    first: dict[tuple[str, ...], int] = {}  # the section that had the words first
    for at, text in enumerate(sections):
        for block in blocks_of(text or ""):
            if block.kind not in _PROSE or least_words(block.text) < _DUPLICATE["words"]:
                continue
            grams = grams_of(words_of(block.text))
            known = first.keys() & grams
            shared = Counter(first[gram] for gram in grams if gram in known) if known else Counter[int]()
            earlier, count = max(shared.items(), key=lambda item: item[1], default=(0, 0))
            if count >= _DUPLICATE["report"] * len(grams) > 0:
                yield Duplicate(block.text, at, earlier, count / len(grams))
            first.update(dict.fromkeys(set(grams) - known, at))
