"""What an owner is told of the ends of jobs, whether or not anybody listened when they came."""

from datetime import datetime

import msgspec

from aether.domain.job import Kind, Status

MAX_NOTIFICATION_ID = 2**53 - 1
"""Whoever reads JSON reads a number up to this one as it is (RFC 8259, section 6)."""


class Notification(msgspec.Struct, frozen=True):
    """A job's end: `version` is the job's, `id` greater than those of all that the owner was told before.

    A job that is tried again and ends again is told again, under another id.
    """

    id: int
    kind: Kind
    job_id: str
    status: Status
    at: datetime
    version: int
    acked: bool = False


class InboxPage(msgspec.Struct, frozen=True):
    """Some notifications, the oldest first, and how many of all are not acknowledged.

    `next` is what the following page comes after; None on the last one.
    """

    notifications: tuple[Notification, ...] = ()
    unread: int = 0
    next: int | None = None


class Acknowledgement(msgspec.Struct, frozen=True):
    """How many notifications were acknowledged just now, and how many are still not."""

    acknowledged: int
    unread: int
