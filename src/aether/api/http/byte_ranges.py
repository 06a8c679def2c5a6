"""Byte ranges: the `Range` header with one range (RFC 9110, 14); any other header means the whole file."""

import re

from aether.errors import CallerError

_RANGE = re.compile(r"\s*bytes\s*=\s*(?P<first>\d{0,18})-(?P<last>\d{0,18})\s*", re.IGNORECASE | re.ASCII)


class UnsatisfiableRangeError(CallerError):
    """The requested range contains no byte of the file."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes; none of them is in that range.")
        self.size = size


def parse_range(header: str, size: int) -> range | None:
    """Return the byte positions that a `Range` header asks for in a file of this size; None is the whole file.

    Raises:
        UnsatisfiableRangeError: the range contains no byte of the file.
    """
    found = _RANGE.fullmatch(header)
    if found is None or not (found["first"] or found["last"]):
        return None
    if found["first"] and found["last"] and int(found["last"]) < int(found["first"]):
        return None
    positions = _positions(found["first"], found["last"], size)
    if not positions:
        raise UnsatisfiableRangeError(size)
    return positions


def _positions(first: str, last: str, size: int) -> range:
    if not first:
        return range(max(size - int(last), 0), size)
    return range(int(first), min(int(last) + 1, size) if last else size)
