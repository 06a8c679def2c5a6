"""Listing of jobs: pages, newest first, with sort keys and cursors."""

import re
from datetime import UTC, datetime, timedelta
from typing import Self

import msgspec

from aether.domain.job import Job, Kind, Status
from aether.errors import FieldError

MAX_PAGE_SIZE = 100

_EPOCH = datetime.fromtimestamp(0, UTC)
CURSOR_PATTERN = "^(3[0-9]){15}3a([2-7][0-9a-f]){1,200}$"
"""Every text that matches is a cursor: a sort key (time, colon, id), each byte in hexadecimal."""
_CURSOR = re.compile(CURSOR_PATTERN.removesuffix("$"))


class JobSummary(msgspec.Struct, frozen=True):
    """A job in a list: everything but its steps, which may be large."""

    id: str
    kind: Kind
    status: Status
    input: msgspec.Raw
    version: int
    progress: float
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the summary of a job."""
        return cls(**{name: getattr(job, name) for name in cls.__struct_fields__})

    @property
    def sort_key(self) -> str:
        """The job's permanent place in lists: the greater of two strings is the newer job."""
        return sort_key(self.created_at, self.id)


class JobPage(msgspec.Struct, frozen=True):
    """A page of jobs, newest first; `next` is where the next page starts, None on the last one."""

    jobs: tuple[JobSummary, ...]
    next: str | None = None


def sort_key(created_at: datetime, item_id: str) -> str:
    """Return a string that orders items by creation time, then by id."""
    return f"{(created_at - _EPOCH) // timedelta(milliseconds=1):015}:{item_id}"


def encode_cursor(key: str) -> str:
    """Encode a sort key as an opaque cursor."""
    return key.encode().hex()


def decode_cursor(cursor: str) -> str:
    """Return the sort key in a cursor.

    Raises:
        FieldError: this is no cursor.
    """
    if not _CURSOR.fullmatch(cursor):
        raise FieldError("cursor", "must be one that a page has given")
    return bytes.fromhex(cursor).decode()
