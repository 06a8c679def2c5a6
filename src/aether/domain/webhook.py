"""Webhooks: whom to tell that a job has ended, and how far the telling got."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from aether.domain.job import ENDED, Kind, Status
from aether.domain.listing import sort_key

Ending: TypeAlias = Literal["completed", "failed", "cancelled"]
"""How a job has ended, in the words of the wire."""


class Webhook(msgspec.Struct, frozen=True):
    """Where to tell of a job's end, and which ends are worth telling."""

    url: str
    events: frozenset[Status] = ENDED


class Endpoint(msgspec.Struct, frozen=True):
    """An owner's default webhook; since `disabled_at` its receiver wants to hear no more."""

    webhook: Webhook
    disabled_at: datetime | None = None


class SigningSecret(msgspec.Struct, frozen=True):
    """A secret that an owner shares with receivers, `whsec_` and base64; one that was replaced signs `until` then."""

    value: str
    until: datetime | None = None


class EndedJob(msgspec.Struct, frozen=True):
    """The job that has ended."""

    id: str
    kind: Kind
    status: Ending
    version: Annotated[int, Meta(ge=1, description="The job's version at this end.")]
    href: Annotated[str, Meta(description="Where it can be seen.")]


class JobEnded(msgspec.Struct, frozen=True):
    """What receivers are told."""

    type: Annotated[str, Meta(description="What has ended, and how.", examples=["report.completed"])]
    timestamp: Annotated[datetime, Meta(tz=True, description="When.")]
    data: EndedJob


class DeliveryStatus(StrEnum):
    """Where a delivery stands: still to be tried, taken by its receiver, or given up until it is replayed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Try(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try of a delivery: what the receiver answered, in HTTP, if it did, and why that was not enough."""

    number: int
    at: datetime
    seconds: float
    status: int | None = None
    error: str | None = None
    next_at: datetime | None = None


class Delivery(msgspec.Struct, frozen=True):
    """One job's end, to be told to one receiver; `id` is the same in all tries.

    It goes to the owner's endpoint as that stands at each try or, if it is `own`, to what the job's request named;
    `url` is where it went last. `tried` counts its tries, of which `tries` holds the latest; before the last replay
    there were `begun`.
    """

    id: str
    owner: str
    job_id: str
    kind: Kind
    event: Status
    version: int
    url: str
    own: bool
    status: DeliveryStatus
    created_at: datetime
    expires_at: datetime
    next_at: datetime | None = None
    tried: int = 0
    begun: int = 0
    tries: tuple[Try, ...] = ()

    @property
    def sort_key(self) -> str:
        """The delivery's place among all of its owner's: the later of two strings is the newer one."""
        return sort_key(self.created_at, self.id)

    def awaits(self, number: int) -> bool:
        """Whether the try of this number is the next one."""
        return self.status is DeliveryStatus.PENDING and number == self.tried + 1


class DeliveryPage(msgspec.Struct, frozen=True):
    """Some deliveries, newest first, and where the next page begins; None on the last one."""

    deliveries: tuple[Delivery, ...]
    next: str | None = None
