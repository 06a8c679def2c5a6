"""Accept header: whether a caller takes a media type (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from litestar.types import HTTPScope

from aether.errors import CallerError

_MEDIA_RANGE = re.compile(r"(?P<type>[\w!#$&^.+*-]+)/(?P<subtype>[\w!#$&^.+*-]+)", re.ASCII)
_QUALITY = re.compile(r"\s*q\s*=\s*(?P<quality>\d*\.?\d*)\s*", re.IGNORECASE | re.ASCII)
# As Java's older clients write it.
_ALIASES = {"*": "*/*"}
MEDIA_TYPES = "media_types"
"""The option with which a handler declares that its response has one of several media types."""
# The form of errors, never that of a response. Generated clients name it alone where the response is not JSON.
_PROBLEM = ("application", "problem+json")


class NotAcceptableError(CallerError):
    """The caller takes none of the media types of a response."""

    def __init__(self, media_types: tuple[str, ...]) -> None:
        super().__init__(f"This is served as {' or '.join(media_types)}, which the Accept header excludes.")


class _MediaRange(NamedTuple):
    """A type and a subtype, each of which may be `*`, and how much they are wanted: 0 excludes them."""

    type: str
    subtype: str
    quality: float

    @property
    def is_wanted(self) -> bool:
        """Whether media types of this range are accepted."""
        return self.quality > 0

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


def accept_header(scope: HTTPScope) -> str:
    """Return the `Accept` header of a request, "" if there is none; without decoding the other headers."""
    values = (value for name, value in scope["headers"] if name == b"accept")
    return b", ".join(values).decode("latin-1")


@lru_cache(maxsize=256)
def accepts(accept: str, media_types: tuple[str, ...]) -> bool:
    """Whether a caller with this `Accept` header takes at least one of these media types, such as `image/*`.

    What is not a media range is ignored, as are `application/problem+json` and parameters other than the quality. A
    header without a media range takes everything.
    """
    ranges = _ranges(accept)
    return not ranges or any(_quality(ranges, media_type) > 0 for media_type in media_types)


@lru_cache(maxsize=256)
def preferred(accept: str, media_types: tuple[str, ...]) -> str:
    """Return the media type that a caller with this `Accept` header prefers; the first one if several are equal."""
    ranges = _ranges(accept)
    return max(media_types, key=lambda media_type: _quality(ranges, media_type)) if ranges else media_types[0]


def _ranges(accept: str) -> tuple[_MediaRange, ...]:
    return tuple(each for each in _parse(accept) if each[:2] != _PROBLEM)


def _quality(ranges: tuple[_MediaRange, ...], media_type: str) -> float:
    """Return the quality in the range that matches a media type most precisely."""
    type_, subtype = media_type.split("/")
    best = max(ranges, key=lambda each: (each.precision(type_, subtype), each.quality))
    return best.quality if best.precision(type_, subtype) else 0.0


def _parse(accept: str) -> Iterator[_MediaRange]:
    for part in accept.lower().split(","):
        media_range, *parameters = part.split(";")
        if found := _MEDIA_RANGE.fullmatch(_ALIASES.get(media_range.strip(), media_range.strip())):
            yield _MediaRange(found["type"], found["subtype"], min(map(_quality_in, parameters), default=1.0))


def _quality_in(parameter: str) -> float:
    """Return the quality that a parameter states; 1 if it states none."""
    found = _QUALITY.fullmatch(parameter)
    return float(found["quality"]) if found and found["quality"].strip(".") else 1.0
