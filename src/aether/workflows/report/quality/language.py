"""Language of sections: which one each is written in, and whether it is the one that it should be."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from aether.workflows.report.quality.blocks import BlockKind, blocks_of, prose_blocks, prose_of
from aether.workflows.report.quality.detectors import are_alike, by_library, by_words, is_certainly, topic_language
from aether.workflows.report.quality.language_names import code_of
from aether.workflows.report.quality.stop_word_counts import MAX_READ, StopWordCounts
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import count_letters

_LIMITS = RULES["language"].limits
_MAX_TEXT = 50_000  # characters; more say no more


class Languages(msgspec.Struct, frozen=True):
    """The language of each section, as an ISO 639-1 code, and the detector that told it.

    Attributes:
        detector: "stop words", or "py3langid" if their count did not tell all.
        sections: a code for each section; None if the text is missing, too short, or its language is not certain.
    """

    detector: str
    sections: tuple[str | None, ...]


class Foreign(NamedTuple):
    """How much of a section is in a language that is not the expected one."""

    code: str
    expected: str
    share: float


def detect_languages(texts: Sequence[str | None]) -> Languages:
    """Tell the language of each section: by its frequent words, or by the library if these do not tell."""
    begun = [(text or "")[:_MAX_TEXT] for text in texts]
    prose = [prose_of(text)[:MAX_READ] for text in begun]
    is_long = [count_letters(text) >= _LIMITS["letters"] for text in prose]
    told = [by_words(prose[at], _counts(text, prose[at])) if is_long[at] else None for at, text in enumerate(begun)]
    asked = {at: by_library(prose[at]) for at, code in enumerate(told) if code is None and is_long[at]}
    codes = tuple(code or asked.get(at) for at, code in enumerate(told))
    return Languages("py3langid" if any(asked.values()) else "stop words", codes)


def expected_language(topic: str, language: str | None, instructions: str, languages: Languages) -> str | None:
    """Tell which language the sections should have: the one asked for, that of the topic, or that of most of them."""
    if language and (code := code_of(language)):
        return code
    if not language and not instructions and (code := topic_language(topic)):
        return code
    codes = Counter(filter(None, languages.sections))
    code, count = max(codes.items(), key=lambda item: item[1], default=(None, 0))
    return code if 2 * count > codes.total() > 1 else None


def find_foreign(text: str, code: str | None, expected: str) -> Foreign | None:
    """Find how much of a section with this language is not in the expected one."""
    if code is not None and not are_alike(code, expected) and _is_confirmed(prose_of(text), expected):
        return Foreign(code, expected, 1.0)
    paragraphs = [block for block in blocks_of(text) if block.kind is BlockKind.PARAGRAPH]
    foreign = Counter[str]()
    for paragraph in paragraphs:
        if is_certainly(paragraph.stop_words, expected) or count_letters(paragraph.text) < _LIMITS["letters"]:
            continue
        other = by_words(paragraph.text, paragraph.stop_words)
        if other and not are_alike(other, expected) and _is_confirmed(paragraph.text, expected):
            foreign[other] += count_letters(paragraph.text)
    if not foreign:
        return None
    share = foreign.total() / max(1, sum(count_letters(paragraph.text) for paragraph in paragraphs))
    return Foreign(foreign.most_common(1)[0][0], expected, share) if share >= _LIMITS["share"] else None


def _counts(text: str, prose: str) -> StopWordCounts | None:
    """Return the counts of a text's prose, if all of it is read."""
    return StopWordCounts.sum(block.stop_words for block in prose_blocks(text)) if len(prose) < MAX_READ else None


def _is_confirmed(text: str, expected: str) -> bool:
    """Whether the library, where it is installed, does not take the text for the expected language."""
    code = by_library(text)
    return code is None or not are_alike(code, expected)
