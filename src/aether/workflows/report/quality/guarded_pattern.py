"""Guarded pattern: a regular expression that is only tried on texts that hold one of its words."""

import re
from collections.abc import Iterator
from typing import NamedTuple


class GuardedPattern(NamedTuple):
    """A pattern and `needs`: a text that has none of these cannot match, which is seen far sooner.

    If the pattern ignores case, `needs` is in lower case.
    """

    pattern: re.Pattern[str]
    needs: tuple[str, ...]

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Find all matches."""
        held = fold(text) if self.pattern.flags & re.IGNORECASE else text
        return self.pattern.finditer(text) if any(map(held.__contains__, self.needs)) else iter(())


def fold(text: str) -> str:
    """Return the text in lower case as regular expressions that ignore case compare it."""
    return text.lower() if text.isascii() else text.replace("\u0130", "i").replace("\u0131", "i").casefold()
