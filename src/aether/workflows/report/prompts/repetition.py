"""Repetition: sentences of a small model that begin like others before them are left out.

Where such a model has nothing more to say, it goes on in one form: "It is also known as …", ten times.
"""

import re
from collections import Counter
from itertools import pairwise

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
_BEGINNING = 3  # words
_MOST = 2  # sentences of one text that begin alike


def without_repetition(text: str) -> str:
    """Leave out sentences whose first words have begun two others, and sentences that were there before."""
    seen, kept = Counter[tuple[str, ...]](), []
    for paragraph in text.split("\n\n"):
        ends = [0, *(end.end() for end in _SENTENCE_END.finditer(paragraph)), len(paragraph)]
        sentences = [paragraph[start:end] for start, end in pairwise(ends)]
        kept.append("".join(sentence for sentence in sentences if _is_new(sentence, seen)).rstrip())
    return "\n\n".join(filter(None, kept))


def _is_new(sentence: str, seen: Counter[tuple[str, ...]]) -> bool:
    words = tuple(re.findall(r"[^\W_]+", sentence.casefold()))
    is_new = seen[words] == 0 and seen[words[:_BEGINNING]] < _MOST
    seen[words] += 1
    if len(words) > _BEGINNING:
        seen[words[:_BEGINNING]] += 1
    return is_new
