"""Notification records: the inbox entries that tell an owner that jobs have ended."""

from datetime import datetime

import msgspec

from aether.domain.job import Kind, Status

MAX_NOTIFICATION_ID = 2**53 - 1
"""The largest integer that all JSON parsers read exactly (RFC 8259, section 6)."""


class Notification(msgspec.Struct, frozen=True):
    """The end of a job, at the job's `version`; `id` is greater than those of the owner's earlier notifications.

    A job that is retried and ends again creates another notification.
    """

    id: int
    kind: Kind
    job_id: str
    status: Status
    at: datetime
    version: int
    acked: bool = False


class InboxPage(msgspec.Struct, frozen=True):
    """A page of notifications, oldest first; `unread` counts all that are not acknowledged.

    `next` is the `after` of the next page, None on the last one.
    """

    notifications: tuple[Notification, ...] = ()
    unread: int = 0
    next: int | None = None


class Acknowledgement(msgspec.Struct, frozen=True):
    """How many notifications this request acknowledged, and how many remain unread."""

    acknowledged: int
    unread: int
