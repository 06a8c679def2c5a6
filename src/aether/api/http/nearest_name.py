"""Nearest name: the known name that an unknown one is probably meant to be."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_SEPARATORS = re.compile(r"[\W_]+")
_MAX_COMPARED = 64  # characters; comparing takes quadratic time


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that differs little from this one; upper case, `_` and `-` make no difference."""
    normalised = {_normalise(each): each for each in known}
    found = get_close_matches(_normalise(name[:_MAX_COMPARED]), normalised, n=1, cutoff=0.65)
    return normalised[found[0]] if found else None


def unknown_rule(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the rule that an unknown name breaks, with the nearest known one; `kind` is "field" or "parameter"."""
    nearest = nearest_name(name, known)
    return f"is not a known {kind}" + (f"; did you mean {nearest}?" if nearest else "")


def _normalise(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()
