"""Repetition in a section: passages that go round in a loop, and paragraphs that stand there twice."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from aether.workflows.report.quality.blocks import PROSE, Block, BlockKind, blocks_of, prose_blocks
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import Grams, count_words, grams_of, has_spaces, is_unspaced, least_words

_LOOP = RULES["loop"].limits
_DUPLICATE = RULES["duplicate"].limits
# A run of marks is looked at once, from its beginning: else one without a space behind it would take quadratic time.
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+\s|[。！？]|\n")
_AROUND = " \t-*+•#_"  # a sentence that is an item of a list
_MAX_VERSES = 6  # times that a line may stand in a poem
# With fewer repeated sequences of five, there is no repeated sentence, and no stretch that repeats itself.
_LEAST_IN_SENTENCES = (_LOOP["sentences"] - 1) * (_LOOP["sentence_words"] - 4)
_LEAST_IN_STRETCH = _LOOP["repeated_5_grams"] * _LOOP["least_words"]


class FastCompressor(NamedTuple):
    """A level of the compressor, and how many times larger than that of the usual level its result may be."""

    level: int
    most_larger: float


COMPRESSOR = FastCompressor(1, 1.15)  # it was 1.08 at most, of 11,000 texts at the limit


class Repetition(NamedTuple):
    """What repeats itself, and how much of it: the value with its limit."""

    passage: str
    value: float
    limit: float


def find_loop(text: str) -> Repetition | None:
    """Find a sentence that stands there again and again, or a stretch that has hardly anything new."""
    blocks = list(_prose_and_refrains(text))
    prose = "\n\n".join(block.text for block in blocks)
    repeated = _repeated_words(blocks, prose) if not has_spaces(prose) or _may_loop(blocks) else None
    return repeated or _repeated_entry(prose) or _compressible(prose)


def _repeated_entry(prose: str) -> Repetition | None:
    """Find an entry that a list within a sentence has again and again: "the Forum, the Wall, the Forum, …"."""
    limit = _LOOP["entries"]
    for sentence in prose.split(". "):
        if sentence.count(", ") < limit:
            continue
        entry, times = Counter(map(str.casefold, sentence.split(", "))).most_common(1)[0]
        if times >= limit and sum(map(str.isalpha, entry)) >= _LOOP["entry_letters"]:
            return Repetition(entry, times, limit)
    return None


def _may_loop(blocks: Sequence[Block]) -> bool:
    """Whether as many sequences of five stand there twice as in the smallest loop, which is seen at once."""
    repeated = sum(len(block.grams) for block in blocks) - len(set[object]().union(*(block.grams for block in blocks)))
    across = 4 * (len(blocks) - 1)  # sequences that begin in one block and end in the next, and may be repeated
    return repeated >= _LEAST_IN_SENTENCES or repeated + across >= _LEAST_IN_STRETCH


def _repeated_words(blocks: Iterable[Block], prose: str) -> Repetition | None:
    words = tuple(chain.from_iterable(block.words for block in blocks))
    grams = grams_of(words)
    repeated = len(grams) - len(set(grams))
    is_often = repeated >= _LEAST_IN_SENTENCES and max(Counter(grams).values()) >= _LOOP["sentences"]
    sentence = _repeated_sentence(prose) if is_often or is_unspaced(words) else None
    return sentence or (_repeated_grams(grams) if repeated >= _LEAST_IN_STRETCH else None)


def _prose_and_refrains(text: str) -> Iterator[Block]:
    for block in blocks_of(text):
        if block.kind in PROSE:
            yield block
        elif block.kind is BlockKind.VERSE:
            line, times = Counter(block.lines).most_common(1)[0]
            if times > _MAX_VERSES:
                yield Block(block.kind, [line] * times, block.start)


def _repeated_sentence(prose: str) -> Repetition | None:
    times = Counter(sentence.strip(_AROUND).casefold() for sentence in _SENTENCE_END.split(prose))
    limit = _LOOP["sentences"]
    for sentence, most in times.most_common():
        if most < limit:
            break
        if count_words(sentence) >= _LOOP["sentence_words"]:
            return Repetition(sentence, most, limit)
    return None


def _repeated_grams(grams: Grams) -> Repetition | None:
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
        if len(piece) / len(zlib.compress(piece, COMPRESSOR.level)) * COMPRESSOR.most_larger <= limit:
            continue
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
    paragraphs = [
        (at, block.text, block.grams)
        for at, text in enumerate(sections)
        for block in prose_blocks(text or "")
        if least_words(block.text) >= _DUPLICATE["words"] and block.grams
    ]
    return _duplicates(paragraphs) if _may_repeat(grams for *_, grams in paragraphs) else iter(())


def _may_repeat(paragraphs: Iterable[Grams]) -> bool:
    """Whether any paragraph has hardly anything new, which is seen far sooner than where it stood before."""
    known: set[tuple[str, ...]] = set()
    for grams in paragraphs:
        before = len(known)
        known.update(grams)
        if len(grams) - (len(known) - before) >= _DUPLICATE["report"] * len(grams):
            return True
    return False


def _duplicates(paragraphs: Iterable[tuple[int, str, Grams]]) -> Iterator[Duplicate]:
    first: dict[tuple[str, ...], int] = {}  # the section that had the words first
    for at, paragraph, grams in paragraphs:
        known = first.keys() & grams
        shared = Counter(first[gram] for gram in grams if gram in known) if known else Counter[int]()
        earlier, count = max(shared.items(), key=lambda item: item[1], default=(0, 0))
        if count >= _DUPLICATE["report"] * len(grams):
            yield Duplicate(paragraph, at, earlier, count / len(grams))
        first.update(dict.fromkeys(set(grams) - known, at))
