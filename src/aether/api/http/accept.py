"""Accept header: whether a caller takes a media type (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from aether.errors import CallerError

_MEDIA_RANGE = re.compile(r"(?P<type>[\w!#$&^.+*-]+)/(?P<subtype>[\w!#$&^.+*-]+)", re.ASCII)
_QUALITY = re.compile(r"\s*q\s*=\s*(?P<quality>\d*\.?\d*)\s*", re.IGNORECASE | re.ASCII)
# As Java's older clients write it.
_ALIASES = {"*": "*/*"}
# The form of errors, never that of a response. Generated clients name it alone where the response is not JSON.
_PROBLEM = ("application", "problem+json")


class NotAcceptableError(CallerError):
    """The caller takes none of the media types of a response."""

    def __init__(self, media_types: tuple[str, ...]) -> None:
        super().__init__(f"This is served as {' or '.join(media_types)}, which the Accept header excludes.")


class _MediaRange(NamedTuple):
    """A type and a subtype, each of which may be `*`, and whether they are wanted or excluded by a quality of 0."""

    type: str
    subtype: str
    is_wanted: bool

    def precision(self, type_: str, subtype: str) -> int:
        """Return how precisely this range matches a media type; 0 if it does not."""
        if self.type not in ("*", type_):
            return 0
        # An offer of `image/*` stands for an image whose type is not known yet.
        if self.subtype == subtype or (subtype == "*" and self.is_wanted and self.type == type_):
            return 3
        return (1 if self.type == "*" else 2) if self.subtype == "*" else 0


def check_media_type(accept: str, media_types: tuple[str, ...]) -> None:
    """Check that a caller with this `Accept` header takes at least one of these media types.

    Raises:
        NotAcceptableError: the header excludes all of them.
    """
    if not accepts(accept, media_types):
        raise NotAcceptableError(media_types)


@lru_cache(maxsize=256)
def accepts(accept: str, media_types: tuple[str, ...]) -> bool:
    """Whether a caller with this `Accept` header takes at least one of these media types, such as `image/*`.

    What is not a media range is ignored, as are `application/problem+json` and parameters other than the quality. A
    header without a media range takes everything.
    """
    ranges = tuple(each for each in _parse(accept) if each[:2] != _PROBLEM)
    return not ranges or any(_takes(ranges, *media_type.split("/")) for media_type in media_types)


def _takes(ranges: tuple[_MediaRange, ...], type_: str, subtype: str) -> bool:
    """Whether the range that matches a media type most precisely wants it."""
    best = max(ranges, key=lambda each: (each.precision(type_, subtype), each.is_wanted))
    return best.precision(type_, subtype) > 0 and best.is_wanted


def _parse(accept: str) -> Iterator[_MediaRange]:
    for part in accept.lower().split(","):
        media_range, *parameters = part.split(";")
        if found := _MEDIA_RANGE.fullmatch(_ALIASES.get(media_range.strip(), media_range.strip())):
            yield _MediaRange(found["type"], found["subtype"], not any(map(_excludes, parameters)))


def _excludes(parameter: str) -> bool:
    found = _QUALITY.fullmatch(parameter)
    return found is not None and found["quality"].strip("0.") == "" and "0" in found["quality"]
