"""Chunking: split a text into parts that a model can read."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

# From the best place for a boundary to the worst; each match ends where the next part begins.
_BOUNDARIES = tuple(
    map(
        re.compile,
        (
            r"\n[ \t]{0,20}\n",
            r"\n(?=[ \t]{0,20}(?:[-*+•#(\[]|\d))",
            r"[.!?…][\"'”’)\]]{0,3}\s|[。！？｡][」』”’]{0,3}",  # noqa: RUF001 - the ends of Chinese and Japanese sentences
            r"\n",
            r"\s",
        ),
    )
)


def split_to_fit(text: str, fits: Callable[[str], bool]) -> tuple[str, ...]:
    """Split a text into few parts that each fit; one part less would not fit. Every single character must fit."""

    def fit(count: int) -> bool:
        return all(map(fits, split(text, count)))

    # Trying all counts would take quadratic time.
    high = next(count for count in _doublings(len(text)) if fit(count))
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fit(middle) else (middle, high)
    return split(text, high)


def _doublings(most: int) -> Iterator[int]:
    count = 1
    while count < most:
        yield count
        count *= 2
    yield max(1, most)


def split(text: str, count: int) -> tuple[str, ...]:
    """Split a text into parts of about the same length, if possible where paragraphs, list items or sentences end.

    The same text and count always give the same parts; joined, they are the text.
    """
    size = len(text) / count
    cuts = [0, *(_boundary(text, at * size, size / 4) for at in range(1, count)), len(text)]
    return tuple(text[start:end] for start, end in pairwise(cuts))


def _boundary(text: str, ideal: float, slack: float) -> int:
    lowest, highest = int(ideal - slack) + 1, int(ideal + slack)
    for boundary in _BOUNDARIES:
        if ends := [found.end() for found in boundary.finditer(text, lowest, highest)]:
            return min(ends, key=lambda end: abs(end - ideal))
    return int(ideal)
