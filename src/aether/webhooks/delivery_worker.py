"""Delivery worker: makes the attempts of webhook deliveries and records their outcome."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.job import Kind
from aether.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus
from aether.durable.clock import StoreClock
from aether.durable.ports import Clock
from aether.errors import UnsupportedRecordError
from aether.services.webhooks import WebhookStore
from aether.webhooks.http_client import DeliveryResponse
from aether.webhooks.payload import payload
from aether.webhooks.retry_schedule import RetrySchedule
from aether.webhooks.signing import new_secret, signature_headers

log = structlog.get_logger()

_LOG_EVENTS = {
    DeliveryStatus.PENDING: "webhook.failed",
    DeliveryStatus.DELIVERED: "webhook.delivered",
    DeliveryStatus.DEAD: "webhook.dead",
}
_NO_ENDPOINT = DeliveryResponse(error="No endpoint is set, or it is disabled.")


class WebhookClient(Protocol):
    """Makes the HTTP requests."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        """Send the request; failures of the receiver are returned, not raised."""
        ...


class DeliveryPolicy(msgspec.Struct, frozen=True):
    """When deliveries are retried, and the link to a job, by its kind and id, that payloads contain."""

    schedule: RetrySchedule
    href: Callable[[Kind, str], str]


class DeliveryWorker:
    """Makes each attempt of a delivery once: a duplicate or late call finds that the attempt was recorded already.

    An attempt is repeated only if the process dies between the receiver's answer and the record of it; the repetition
    has the same `webhook-id`.
    """

    def __init__(
        self,
        store: WebhookStore,
        client: WebhookClient,
        clock: Clock,
        policy: DeliveryPolicy,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._policy = policy
        self._jitter = jitter

    async def deliver(self, delivery_id: str, number: int) -> None:
        """Make the attempt with this number, if it is the delivery's next one.

        Raises:
            StoreUnavailableError: the store became unavailable; call this again.
            UnsupportedRecordError: only a worker of a newer version can make the attempt.
        """
        delivery = await self._store.load(delivery_id)
        if delivery is None:
            return
        if not delivery.status.is_known:
            raise UnsupportedRecordError(delivery_id, delivery.status)
        if not delivery.is_next_attempt(number):
            return
        url = delivery.url if delivery.per_job else await self._endpoint_url(delivery.owner)
        clock = await self._store_clock()
        started_at = clock.now()
        response = await self._send(replace(delivery, url=url), started_at) if url else _NO_ENDPOINT
        attempt = DeliveryAttempt(number, started_at, response.seconds)
        await self._record(replace(delivery, url=url or delivery.url), attempt, response, clock)

    async def mark_dead(self, delivery_id: str, number: int, reason: str) -> None:
        """Give up a delivery because its attempts crash the worker."""
        delivery = await self._store.load(delivery_id)
        if delivery is not None and delivery.is_next_attempt(number):
            attempt = DeliveryAttempt(number, (await self._store_clock()).now(), 0.0, error=reason)
            await self._store.record(replace(delivery, status=DeliveryStatus.DEAD), attempt, None)

    async def _store_clock(self) -> Clock:
        """Return a clock with the store's time: receivers reject signatures of a worker whose own clock is wrong."""
        return StoreClock(self._clock, await self._store.now())

    async def _endpoint_url(self, owner: str) -> str | None:
        endpoint = await self._store.endpoint(owner)
        return endpoint.webhook.url if endpoint and not endpoint.disabled_at else None

    async def _send(self, delivery: Delivery, at: datetime) -> DeliveryResponse:
        body = payload(delivery, self._policy.href(delivery.kind, delivery.job_id))
        secrets = await self._store.secrets(delivery.owner, new_secret())
        headers = signature_headers(delivery.id, body, at, secrets)
        return await self._client.post(delivery.url, headers, body)

    async def _record(
        self, delivery: Delivery, attempt: DeliveryAttempt, response: DeliveryResponse, clock: Clock
    ) -> None:
        wait = self._wait(delivery, response)
        delivery = replace(delivery, status=_status(response, wait))
        next_at = None if wait is None else clock.now() + timedelta(seconds=wait)
        attempt = replace(attempt, status=response.status, error=response.error, next_at=next_at)
        gone = response.status == HTTPStatus.GONE
        if await self._store.record(delivery, attempt, wait, disable=gone and not delivery.per_job):
            log.info(
                _LOG_EVENTS[delivery.status], delivery_id=delivery.id, number=attempt.number, status=attempt.status
            )

    def _wait(self, delivery: Delivery, response: DeliveryResponse) -> float | None:
        """Return the seconds until the next attempt, or None if there will be none."""
        if response.error is None or response.status == HTTPStatus.GONE or response is _NO_ENDPOINT:
            return None
        failures = delivery.attempt_count + 1 - delivery.attempts_before_replay
        return self._policy.schedule.wait(failures, response.retry_after, self._jitter())


def _status(response: DeliveryResponse, wait: float | None) -> DeliveryStatus:
    if response.error is None:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.DEAD if wait is None else DeliveryStatus.PENDING
