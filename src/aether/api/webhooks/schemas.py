"""Webhook schemas: endpoints, secrets and deliveries on the wire."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import JobId, NextAttemptAt, NextCursor, Timestamp, unset_if_none
from aether.domain import webhook as domain
from aether.domain.job import ENDED, Status
from aether.domain.named_literal import named_literal
from aether.domain.webhook import DeliveryStatus, Ending, Webhook

_DeliveryWord: TypeAlias = Literal["pending", "delivered", "dead"]
DeliveryWord: TypeAlias = Annotated[
    _DeliveryWord,
    named_literal(
        "DeliveryStatus", "The status of a delivery; a `dead` one is given up, unless it is replayed.", _DeliveryWord
    ),
]
# IP addresses are accepted too, if they are public, which a pattern cannot express.
_HOST_NAME_PATTERN = r"^https?://([^/?#@:\[\]]+\.)?[A-Za-z][^/?#@:.]*\.?(:[0-9]{1,5})?([/?#].*)?$"
Url = Annotated[
    str,
    Meta(
        min_length=1,
        description="An http or https URL on the public internet, of at most 2,048 characters.",
        extra_json_schema={"format": "uri", "pattern": _HOST_NAME_PATTERN},
        examples=["https://example.com/hooks/aether"],
    ),
]
Secret = Annotated[
    str, Meta(description="The secret with which receivers verify signatures.", examples=["whsec_c2VjcmV0…"])
]
DELIVERY_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11-9"
DeliveryId = Annotated[
    str,
    Meta(
        description="The `webhook-id` of all its attempts: the job's id, and the job's version at this end.",
        examples=[DELIVERY_ID],
    ),
]


class WebhookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to send a webhook when a job has ended, and for which final statuses; for all of them by default."""

    url: Url
    events: (
        Annotated[tuple[Ending, ...], Meta(min_length=1, max_length=3, description="The final statuses to deliver.")]
        | UnsetType
    ) = UNSET


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    """Receives the webhooks of all jobs without a webhook of their own."""

    url: Annotated[str, Meta(description="The URL of the endpoint.")]
    events: Annotated[tuple[Ending, ...], Meta(description="The final statuses that are delivered to it.")]
    disabled_at: (
        Annotated[
            Timestamp,
            Meta(description="When the receiver answered 410. Nothing is delivered until the endpoint is set again."),
        ]
        | UnsetType
    ) = UNSET


class ReplacedSecret(msgspec.Struct, frozen=True, rename="camel"):
    """A previous secret that is still valid."""

    secret: Secret
    valid_until: Annotated[Timestamp, Meta(description="When it expires.")]


class Secrets(msgspec.Struct, frozen=True, rename="camel"):
    """The secrets that sign all of the caller's webhooks."""

    secret: Secret
    replaced: Annotated[tuple[ReplacedSecret, ...], Meta(description="The previous secrets that are still valid.")]


class DeliveryAttempt(msgspec.Struct, frozen=True, rename="camel"):
    """An attempt, and when the next one is due, if there is one."""

    number: Annotated[int, Meta(ge=1, description="The number of the attempt, from 1.")]
    at: Annotated[Timestamp, Meta(description="When the attempt was made.")]
    seconds: Annotated[float, Meta(ge=0, description="The duration of the attempt.")]
    status: (
        Annotated[int, Meta(description="The HTTP status of the receiver's response, if there was one.")] | UnsetType
    ) = UNSET
    error: Annotated[str, Meta(description="Why the attempt failed.")] | UnsetType = UNSET
    next_try_at: NextAttemptAt | UnsetType = UNSET


class Delivery(msgspec.Struct, frozen=True, rename="camel"):
    """A webhook for the end of a job, and its attempts."""

    id: DeliveryId
    type: Annotated[str, Meta(description="The kind of the job, and its final status.", examples=["report.completed"])]
    job_id: JobId
    version: Annotated[int, Meta(ge=1, description="The job's version at this end.")]
    url: Annotated[str, Meta(description="The URL of the last attempt, or of the first one that is due.")]
    status: Annotated[DeliveryWord, Meta(description="`dead`: given up, unless it is replayed.")]
    created_at: Annotated[Timestamp, Meta(description="When the job ended.")]
    expires_at: Annotated[Timestamp, Meta(description="When the delivery is deleted.")]
    attempts: Annotated[tuple[DeliveryAttempt, ...], Meta(description="The attempts, oldest first.")]
    next_try_at: NextAttemptAt | UnsetType = UNSET


class DeliveryPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the caller's deliveries, newest first."""

    deliveries: Annotated[tuple[Delivery, ...], Meta(description="The deliveries of this page.")]
    next_cursor: NextCursor | UnsetType = UNSET


def webhook_of(body: WebhookBody) -> Webhook:
    """Return the webhook that a body describes."""
    return Webhook(body.url, ENDED if body.events is UNSET else frozenset(map(Status, body.events)))


def endpoint_view(endpoint: domain.Endpoint) -> Endpoint:
    """Return an endpoint as the wire shows it."""
    events = tuple(event.value for event in Status.in_order(endpoint.webhook.events))
    # The domain type also allows statuses before the end, and those of newer versions.
    return Endpoint(endpoint.webhook.url, events, unset_if_none(endpoint.disabled_at))  # type: ignore[arg-type]


def secrets_view(secrets: tuple[domain.SigningSecret, ...]) -> Secrets:
    """Return the secrets as the wire shows them; the first one is the newest."""
    newest, *older = secrets
    return Secrets(newest.value, tuple(ReplacedSecret(each.value, each.until) for each in older if each.until))


def delivery_view(delivery: domain.Delivery) -> Delivery:
    """Return a delivery as the wire shows it."""
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
        next_try_at=unset_if_none(delivery.next_at),
    )


def _attempt(attempt: domain.DeliveryAttempt) -> DeliveryAttempt:
    return DeliveryAttempt(
        attempt.number,
        attempt.at,
        attempt.seconds,
        unset_if_none(attempt.status),
        unset_if_none(attempt.error),
        unset_if_none(attempt.next_at),
    )


def delivery_page(page: domain.DeliveryPage) -> DeliveryPage:
    """Return a page of deliveries as the wire shows it."""
    return DeliveryPage(tuple(map(delivery_view, page.deliveries)), unset_if_none(page.next))


def status_of(word: DeliveryWord | None) -> DeliveryStatus | None:
    """Return the status of a filter."""
    return None if word is None else DeliveryStatus(word)
