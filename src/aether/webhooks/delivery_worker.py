"""Trying a delivery, and what follows from how that went."""

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.webhook import Delivery, DeliveryStatus, Try
from aether.durable.ports import Clock
from aether.services.webhooks import WebhookStore
from aether.webhooks.http_client import DeliveryResponse
from aether.webhooks.payload import payload
from aether.webhooks.retry_schedule import RetrySchedule
from aether.webhooks.signing import new_secret, signed

log = structlog.get_logger()

_TOLD = {
    DeliveryStatus.PENDING: "webhook.failed",
    DeliveryStatus.DELIVERED: "webhook.delivered",
    DeliveryStatus.DEAD: "webhook.dead",
}
_UNWANTED = DeliveryResponse(error="No endpoint is set, or it is disabled.")


class WebhookClient(Protocol):
    """What makes the requests."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        """Send it, and say how that went; raises nothing that has to do with the other side."""
        ...


class DeliveryPolicy(msgspec.Struct, frozen=True):
    """How deliveries are made: when they are tried again, and where links in them lead, if not to bare paths."""

    schedule: RetrySchedule
    public_url: str = ""


class DeliveryWorker:
    """Tries deliveries, each try once: one that is called twice, or late, finds that another was made already.

    Only a death between the receiver's answer and the record of it repeats a try, under the same `webhook-id`.
    """

    def __init__(
        self,
        store: WebhookStore,
        post: WebhookClient,
        clock: Clock,
        terms: DeliveryPolicy,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._post = post
        self._clock = clock
        self._terms = terms
        self._draw = draw

    async def deliver(self, delivery_id: str, number: int) -> None:
        """Make the try of this number, if it is still awaited.

        Raises:
            StoreUnavailableError: the store went away; the try is to be made once more.
        """
        delivery = await self._store.load(delivery_id)
        if delivery is None or not delivery.awaits(number):
            return
        url = delivery.url if delivery.own else await self._endpoint_of(delivery.owner)
        at = self._clock.now()
        answer = await self._send(replace(delivery, url=url)) if url else _UNWANTED
        await self._settle(replace(delivery, url=url or delivery.url), Try(number, at, answer.seconds), answer)

    async def bury(self, delivery_id: str, number: int, reason: str) -> None:
        """Give a delivery up whose tries cannot be made here."""
        delivery = await self._store.load(delivery_id)
        if delivery is not None and delivery.awaits(number):
            latest = Try(number, self._clock.now(), 0.0, error=reason)
            await self._store.record(replace(delivery, status=DeliveryStatus.DEAD), latest, None)

    async def _endpoint_of(self, owner: str) -> str | None:
        endpoint = await self._store.endpoint(owner)
        return endpoint.webhook.url if endpoint and not endpoint.disabled_at else None

    async def _send(self, delivery: Delivery) -> DeliveryResponse:
        body = payload(delivery, self._terms.public_url)
        secrets = await self._store.secrets(delivery.owner, new_secret())
        return await self._post.post(delivery.url, signed(delivery.id, body, self._clock.now(), secrets), body)

    async def _settle(self, delivery: Delivery, latest: Try, answer: DeliveryResponse) -> None:
        wait = self._wait(delivery, answer)
        delivery = replace(delivery, status=_status(answer, wait))
        next_at = None if wait is None else self._clock.now() + timedelta(seconds=wait)
        latest = replace(latest, status=answer.status, error=answer.error, next_at=next_at)
        gone = answer.status == HTTPStatus.GONE
        if await self._store.record(delivery, latest, wait, disable=gone and not delivery.own):
            log.info(_TOLD[delivery.status], delivery_id=delivery.id, number=latest.number, status=latest.status)

    def _wait(self, delivery: Delivery, answer: DeliveryResponse) -> float | None:
        """Return the seconds until the next try, or None if there is to be none."""
        if answer.error is None or answer.status == HTTPStatus.GONE or answer is _UNWANTED:
            return None
        failures = delivery.tried + 1 - delivery.begun
        return self._terms.schedule.wait(failures, answer.retry_after, self._draw())


def _status(answer: DeliveryResponse, wait: float | None) -> DeliveryStatus:
    if answer.error is None:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.DEAD if wait is None else DeliveryStatus.PENDING
