"""Cutting a text into parts that a model can read, and naming the steps that this takes."""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

# From the best place for a cut to the worst; each ends where the next part begins.
_PLACES = tuple(
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
_PROSE = re.compile(r"[A-Za-z\u00c0-\u024f ]")


def most_tokens(text: str) -> int:
    """Guess high how many tokens a text has: one for three Latin letters or spaces, and one for anything else."""
    prose = sum(1 for _ in _PROSE.finditer(text))
    return len(text) - prose + -(-prose // 3)


def parts_that(fit: Callable[[str], bool], text: str) -> tuple[str, ...]:
    """Cut a text into as few parts as `fit`, with all of it in them; each of its characters must fit by itself."""
    numbers = range(1, max(1, len(text)) + 1)
    return next(parts for number in numbers if all(map(fit, parts := split(text, number))))


def split(text: str, number: int) -> tuple[str, ...]:
    """Cut a text into so many parts of about the same length, where paragraphs, items or sentences end if it can be.

    The same text and number always give the same parts, and these together the text.
    """
    size = len(text) / number
    cuts = [0, *(_place(text, at * size, size / 4) for at in range(1, number)), len(text)]
    return tuple(text[start:end] for start, end in pairwise(cuts))


def _place(text: str, ideal: float, slack: float) -> int:
    lowest, highest = int(ideal - slack) + 1, int(ideal + slack)
    for place in _PLACES:
        if ends := [found.end() for found in place.finditer(text, lowest, highest)]:
            return min(ends, key=lambda end: abs(end - ideal))
    return int(ideal)


def steps_in_parts(steps: Iterable[str], parts: int) -> list[str]:
    """Name the steps that are taken, in their order: each once for every part if there are several, then for all."""
    of_parts = range(parts if parts > 1 else 0)
    return [name for step in steps for name in (*(f"{step_of_parts(step, parts)}:{at}" for at in of_parts), step)]


def step_of_parts(step: str, parts: int) -> str:
    """Name what is done with each part.

    How many there are belongs to the name: the next worker may know a model of another size, and what is said of one
    cut is not to be taken for that of another.
    """
    return f"{step}/{parts}"
