"""Stop word counts: how many words of a text are frequent in each language."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from aether.workflows.report.quality.stop_words import STOP_WORDS

MAX_READ = 20_000
"""Characters that are read of a text to tell its language; more say no more."""
_BITS = 16  # of a count, which is less than MAX_READ
_MASK = (1 << _BITS) - 1
_SHIFTS = {code: at * _BITS for at, code in enumerate(STOP_WORDS)}
_ONE_EACH: dict[str, int] = {}
for _code, _words in STOP_WORDS.items():
    for _word in _words:
        _ONE_EACH[_word] = _ONE_EACH.get(_word, 0) + (1 << _SHIFTS[_code])


class StopWordCounts(NamedTuple):
    """For each language, the number of words that are frequent in it; `total` is that of all words.

    All counts are bits of one number, so that one sum counts the words of all languages.
    """

    packed: int
    total: int

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """Count the stop words of all languages in at most `MAX_READ` words."""
        return cls(sum(map(_ONE_EACH.__getitem__, filter(_ONE_EACH.__contains__, words))), len(words))

    @classmethod
    def sum(cls, parts: Iterable[Self]) -> Self:
        """Return the counts of a text that consists of these parts, of at most `MAX_READ` words together."""
        packed = total = 0
        for part in parts:
            packed += part.packed
            total += part.total
        return cls(packed, total)

    def of_language(self, code: str) -> int:
        """Return how many words are frequent in a language."""
        shift = _SHIFTS.get(code)
        return 0 if shift is None else self.packed >> shift & _MASK

    def ranked(self) -> list[tuple[str, int]]:
        """Return the languages with any words, those with most of them first."""
        counts = [(code, count) for code, shift in _SHIFTS.items() if (count := self.packed >> shift & _MASK)]
        return sorted(counts, key=lambda counted: -counted[1])
