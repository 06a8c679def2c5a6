"""Webhooks as the wire shows them to those who set them up."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import JobId, Moment, Next, NextTry, or_unset
from aether.domain import webhook as domain
from aether.domain.job import ENDED, Status
from aether.domain.named_literal import named_literal
from aether.domain.webhook import DeliveryStatus, Ending, Webhook

_DeliveryWord: TypeAlias = Literal["pending", "delivered", "dead"]
DeliveryWord: TypeAlias = Annotated[
    _DeliveryWord,
    named_literal("DeliveryStatus", "Where a delivery stands; `dead` is given up until it is replayed.", _DeliveryWord),
]
# An address in numbers is taken too, but only some are public, which no pattern can say.
_BY_NAME = r"^https?://([^/?#@:\[\]]+\.)?[A-Za-z][^/?#@:.]*\.?(:[0-9]{1,5})?([/?#].*)?$"
Url = Annotated[
    str,
    Meta(
        min_length=1,
        description="An http or https address on the public internet, of at most 2,048 characters.",
        extra_json_schema={"format": "uri", "pattern": _BY_NAME},
        examples=["https://example.com/hooks/aether"],
    ),
]
Secret = Annotated[str, Meta(description="What receivers verify signatures with.", examples=["whsec_c2VjcmV0…"])]
DELIVERY_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11-9"
DeliveryId = Annotated[
    str,
    Meta(description="The `webhook-id` of all its tries: the job's id, and its version then.", examples=[DELIVERY_ID]),
]


class WebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell of a job's end, and of which ends; all of them if none are named."""

    url: Url
    events: (
        Annotated[tuple[Ending, ...], Meta(min_length=1, max_length=3, description="Ends that are worth telling.")]
        | UnsetType
    ) = UNSET


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    """Where the ends of those jobs are told that name no webhook of their own."""

    url: Annotated[str, Meta(description="Its address.")]
    events: Annotated[tuple[Ending, ...], Meta(description="Ends that it is told.")]
    disabled_at: (
        Annotated[Moment, Meta(description="When its receiver answered 410; nothing is told until it is set again.")]
        | UnsetType
    ) = UNSET


class ReplacedSecret(msgspec.Struct, frozen=True, rename="camel"):
    """A secret that goes on signing for a while."""

    secret: Secret
    valid_until: Annotated[Moment, Meta(description="When it stops signing.")]


class Secrets(msgspec.Struct, frozen=True, rename="camel"):
    """What signs all of the caller's webhooks."""

    secret: Secret
    replaced: Annotated[tuple[ReplacedSecret, ...], Meta(description="Those before it that are still valid.")]


class DeliveryAttempt(msgspec.Struct, frozen=True, rename="camel"):
    """One try, and when the next one is due, if there is to be one."""

    number: Annotated[int, Meta(ge=1, description="Counted from 1.")]
    at: Annotated[Moment, Meta(description="When it was made.")]
    seconds: Annotated[float, Meta(ge=0, description="How long it took.")]
    status: Annotated[int, Meta(description="What the receiver answered, in HTTP, if it did.")] | UnsetType = UNSET
    error: Annotated[str, Meta(description="Why that was not enough.")] | UnsetType = UNSET
    next_try_at: NextTry | UnsetType = UNSET


class Delivery(msgspec.Struct, frozen=True, rename="camel"):
    """A job's end, told or to be told to a receiver."""

    id: DeliveryId
    type: Annotated[str, Meta(description="What has ended, and how.", examples=["report.completed"])]
    job_id: JobId
    version: Annotated[int, Meta(ge=1, description="The job's version at this end.")]
    url: Annotated[str, Meta(description="Where it went last, or will go first.")]
    status: Annotated[DeliveryWord, Meta(description="`dead`: given up until it is replayed.")]
    created_at: Annotated[Moment, Meta(description="When the job ended.")]
    expires_at: Annotated[Moment, Meta(description="When it is forgotten.")]
    attempts: Annotated[tuple[DeliveryAttempt, ...], Meta(description="Its tries, the oldest first.")]
    next_try_at: NextTry | UnsetType = UNSET


class DeliveryPage(msgspec.Struct, frozen=True, rename="camel"):
    """Some of the caller's deliveries, the newest first."""

    deliveries: Annotated[tuple[Delivery, ...], Meta(description="The deliveries of this page.")]
    next_cursor: Next | UnsetType = UNSET


def webhook_of(body: WebhookBody) -> Webhook:
    """Read whom to tell."""
    return Webhook(body.url, ENDED if body.events is UNSET else frozenset(map(Status, body.events)))


def endpoint_view(endpoint: domain.Endpoint) -> Endpoint:
    """Show an endpoint."""
    events = tuple(event.value for event in Status.in_order(endpoint.webhook.events))
    # An endpoint has words for the ends of jobs only, and words of a newer version.
    return Endpoint(endpoint.webhook.url, events, or_unset(endpoint.disabled_at))  # type: ignore[arg-type]


def secrets_view(secrets: tuple[domain.SigningSecret, ...]) -> Secrets:
    """Show the secrets, newest first."""
    newest, *older = secrets
    return Secrets(newest.value, tuple(ReplacedSecret(each.value, each.until) for each in older if each.until))


def delivery_view(delivery: domain.Delivery) -> Delivery:
    """Show a delivery as it stands."""
    return Delivery(
        id=delivery.id,
        type=f"{delivery.kind}.{delivery.event}",
        job_id=delivery.job_id,
        version=delivery.version,
        url=delivery.url,
        status=delivery.status.value,
        created_at=delivery.created_at,
        expires_at=delivery.expires_at,
        attempts=tuple(map(_attempt, delivery.attempts)),
        next_try_at=or_unset(delivery.next_at),
    )


def _attempt(tried: domain.DeliveryAttempt) -> DeliveryAttempt:
    return DeliveryAttempt(
        tried.number, tried.at, tried.seconds, or_unset(tried.status), or_unset(tried.error), or_unset(tried.next_at)
    )


def delivery_page(page: domain.DeliveryPage) -> DeliveryPage:
    """Show a page of deliveries."""
    return DeliveryPage(tuple(map(delivery_view, page.deliveries)), or_unset(page.next))


def status_of(word: DeliveryWord | None) -> DeliveryStatus | None:
    """Read a status as callers write it."""
    return None if word is None else DeliveryStatus(word)
