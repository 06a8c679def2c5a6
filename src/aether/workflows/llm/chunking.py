"""Chunking: split a text into parts that a model can read."""

import re
from collections.abc import Callable
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
    """Split a text into as few parts as possible that each fit; every single character must fit."""
    counts = range(1, max(1, len(text)) + 1)
    return next(parts for count in counts if all(map(fits, parts := split(text, count))))


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
