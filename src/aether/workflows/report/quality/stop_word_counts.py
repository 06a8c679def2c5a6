"""Stop word counts: how many words of a text are frequent in each language."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple, Self

from aether.workflows.report.quality.stop_words import STOP_WORDS

MAX_READ = 20_000
"""Characters that are read of a text to tell its language; more say no more."""
_LANGUAGES_OF: dict[str, list[str]] = {}
for _code, _words in STOP_WORDS.items():
    for _word in _words:
        _LANGUAGES_OF.setdefault(_word, []).append(_code)


class StopWordCounts(NamedTuple):
    """For each language, the number of words that are frequent in it; `total` is that of all words."""

    by_language: Counter[str]
    total: int

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """Count the stop words of all languages."""
        known = map(_LANGUAGES_OF.__getitem__, filter(_LANGUAGES_OF.__contains__, words))
        return cls(Counter(chain.from_iterable(known)), len(words))

    @classmethod
    def sum(cls, parts: Iterable[Self]) -> Self:
        """Return the counts of a text that consists of these parts."""
        by_language, total = Counter[str](), 0
        for part in parts:
            by_language.update(part.by_language)
            total += part.total
        return cls(by_language, total)
