"""Parts of a file: one range of bytes (RFC 9110, 14); what asks for anything else is answered with the whole."""

import re

from aether.errors import CallerError

_RANGE = re.compile(r"\s*bytes\s*=\s*(?P<first>\d{0,18})-(?P<last>\d{0,18})\s*", re.IGNORECASE | re.ASCII)


class UnsatisfiableRangeError(CallerError):
    """The file has none of the bytes that were asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes; none of them is in that range.")
        self.size = size


def wanted_part(header: str, size: int) -> range | None:
    """Return the places of the bytes that a Range asks for; None is the whole file.

    Raises:
        UnsatisfiableRangeError: there are none.
    """
    found = _RANGE.fullmatch(header)
    if found is None or not (found["first"] or found["last"]):
        return None
    if found["first"] and found["last"] and int(found["last"]) < int(found["first"]):
        return None
    part = _part(found["first"], found["last"], size)
    if not part:
        raise UnsatisfiableRangeError(size)
    return part


def _part(first: str, last: str, size: int) -> range:
    if not first:
        return range(max(size - int(last), 0), size)
    return range(int(first), min(int(last) + 1, size) if last else size)
