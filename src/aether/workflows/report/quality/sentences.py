"""Sentences of a section: those that never end, as small models write them."""
# ruff: noqa: RUF001 - the marks of other languages look like Latin ones

import re

from aether.workflows.report.quality.blocks import BlockKind, blocks_of
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import has_no_full_stops, least_words

# A run of marks is looked at once, from its beginning: else one without a space behind it would take quadratic time.
_END = re.compile(r"(?<![.!?…:;؟؛۔।])[.!?…:;؟؛۔।]++[\"'”’)\]*_»“]*+\s|[。！？：；]|\n")
_LIMIT = RULES["long_sentence"].limits["words"]


def find_long_sentence(text: str) -> tuple[str, int] | None:
    """Return the first sentence of a paragraph that has too many words, and how many."""
    for block in blocks_of(text):
        if block.kind is not BlockKind.PARAGRAPH or _is_short(block.text) or has_no_full_stops(block.text):
            continue
        for sentence in _END.split(block.text):
            if len(sentence) > _LIMIT and (words := least_words(sentence)) > _LIMIT:
                return sentence, words
    return None


def _is_short(text: str) -> bool:
    """Whether no sentence can have too many words, as each takes at least two characters."""
    return max(map(len, text.split(". "))) <= 2 * _LIMIT
