"""Webhook records: endpoints, signing secrets, payloads and deliveries."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from aether.domain.job import ENDED, Kind, Status
from aether.domain.listing import sort_key
from aether.domain.named_literal import named_literal
from aether.domain.open_enum import OpenEnum

_Ending: TypeAlias = Literal["completed", "failed", "cancelled"]
Ending: TypeAlias = Annotated[
    _Ending, named_literal("Ending", "The final status of a job, with the same words for all kinds.", _Ending)
]
"""The status of an ended job, as on the wire."""


class Webhook(msgspec.Struct, frozen=True):
    """A receiver's URL, and the final statuses it is notified of."""

    url: str
    events: frozenset[Status] = ENDED


class Endpoint(msgspec.Struct, frozen=True):
    """An owner's default webhook; `disabled_at` is when its receiver answered 410."""

    webhook: Webhook
    disabled_at: datetime | None = None


class SigningSecret(msgspec.Struct, frozen=True):
    """A secret that an owner shares with receivers, `whsec_` and base64; a replaced one still signs `until` then."""

    value: str
    until: datetime | None = None


class EndedJob(msgspec.Struct, frozen=True):
    """The ended job, in a payload."""

    id: str
    kind: Kind
    status: Ending
    version: Annotated[int, Meta(ge=1, description="The job's version at this end.")]
    href: Annotated[str, Meta(description="The job's path.")]


class JobEnded(msgspec.Struct, frozen=True):
    """The payload of a delivery."""

    type: Annotated[str, Meta(description="The kind of the job, and its final status.", examples=["report.completed"])]
    timestamp: Annotated[datetime, Meta(tz=True, description="When the job ended.")]
    data: EndedJob


class DeliveryStatus(OpenEnum):
    """Status of a delivery; a dead one is not retried unless it is replayed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class DeliveryAttempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt to deliver: the receiver's HTTP status, if it answered, and what was wrong, if anything."""

    number: int
    at: datetime
    seconds: float
    status: int | None = None
    error: str | None = None
    next_at: datetime | None = None


class Delivery(msgspec.Struct, frozen=True):
    """The notification of one job's end to one receiver; `id` is the same in all attempts.

    If `per_job`, it goes to the webhook that the job's request named; otherwise to the owner's endpoint, looked up at
    each attempt. `url` is where it went last. `attempts` holds the latest of `attempt_count` attempts.
    """

    id: str
    owner: str
    job_id: str
    kind: Kind
    event: Status
    version: int
    url: str
    per_job: bool
    status: DeliveryStatus
    created_at: datetime
    expires_at: datetime
    next_at: datetime | None = None
    attempt_count: int = 0
    attempts_before_replay: int = 0
    attempts: tuple[DeliveryAttempt, ...] = ()

    @property
    def sort_key(self) -> str:
        """The delivery's place in its owner's list: the greater of two strings is the newer delivery."""
        return sort_key(self.created_at, self.id)

    def is_next_attempt(self, number: int) -> bool:
        """Whether the attempt with this number is the next one."""
        return self.status is DeliveryStatus.PENDING and number == self.attempt_count + 1


class DeliveryPage(msgspec.Struct, frozen=True):
    """A page of deliveries, newest first; `next` is where the next page starts, None on the last one."""

    deliveries: tuple[Delivery, ...]
    next: str | None = None
