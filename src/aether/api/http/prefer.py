"""Prefer header: how many seconds a response may be held, `Prefer: wait=N` (RFC 7240, 4.3)."""

import re
from typing import Annotated

from litestar.datastructures import ResponseHeader
from litestar.params import HeaderParameter

MAX_WAIT_S = 50
"""Less than the 60 s after which proxies such as nginx give up a response."""

Prefer = Annotated[
    str,
    HeaderParameter(
        name="Prefer", description=f"`wait=N` holds the answer for up to N seconds, {MAX_WAIT_S} at most (RFC 7240)."
    ),
]
PREFERENCE_APPLIED = ResponseHeader(
    name="Preference-Applied", description="`wait=N`, if the request asked for a wait.", documentation_only=True
)

_PREFERENCE = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_WAIT = re.compile(r'\s*wait\s*=\s*(?P<quote>"?)(?P<seconds>\d{1,18})(?P=quote)\s*(?:;.*)?', re.IGNORECASE | re.ASCII)


def parse_wait(prefer: str) -> int | None:
    """Return the seconds that the caller would wait, at most MAX_WAIT_S; None if the header asks for no wait.

    Unknown preferences are ignored, and of several waits the first counts, as RFC 7240 demands.
    """
    found = next(filter(None, map(_WAIT.fullmatch, _PREFERENCE.findall(prefer))), None)
    return min(int(found["seconds"]), MAX_WAIT_S) if found else None
