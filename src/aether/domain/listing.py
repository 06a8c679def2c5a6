"""How jobs stand in a list: newest first, one page at a time."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from aether.domain.job import Kind, Status
from aether.errors import FieldError

MAX_PAGE_SIZE = 100

_EPOCH = datetime.fromtimestamp(0, UTC)
CURSOR_PATTERN = "^(3[0-9]){15}3a([2-7][0-9a-f]){1,200}$"
"""Every text of this form is a cursor: the time of a position, a colon and an id, each character in hexadecimal."""
_CURSOR = re.compile(CURSOR_PATTERN.removesuffix("$"))


class JobSummary(msgspec.Struct, frozen=True):
    """What a list tells of a job: all but its steps, which may be large."""

    id: str
    kind: Kind
    status: Status
    input: msgspec.Raw
    version: int
    progress: float
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    @property
    def sort_key(self) -> str:
        """The job's place among all jobs for as long as it exists: the later of two strings is the newer job."""
        return sort_key(self.created_at, self.id)


class JobPage(msgspec.Struct, frozen=True):
    """Some jobs, newest first, and where the next page begins; None on the last one."""

    jobs: tuple[JobSummary, ...]
    next: str | None = None


def sort_key(created_at: datetime, listed_id: str) -> str:
    """Place what was created then, so that the later of two strings is the newer one."""
    return f"{(created_at - _EPOCH) // timedelta(milliseconds=1):015}:{listed_id}"


def encode_cursor(position: str) -> str:
    """Wrap a position for callers, who are not to read anything into it."""
    return position.encode().hex()


def decode_cursor(cursor: str) -> str:
    """Unwrap what `encode_cursor` has wrapped.

    Raises:
        FieldError: this is something else.
    """
    if not _CURSOR.fullmatch(cursor):
        raise FieldError("cursor", "must be one that a page has given")
    return bytes.fromhex(cursor).decode()
