"""Webhooks in dictionaries; the same contract tests run over them and over the real ones."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from aether.domain.job import Job
from aether.domain.webhook import (
    Delivery,
    DeliveryAttempt,
    DeliveryPage,
    DeliveryStatus,
    Endpoint,
    SigningSecret,
    Webhook,
)
from aether.durable.clock import SystemClock
from aether.durable.ports import Clock
from aether.errors import StoreUnavailableError

LIFE = timedelta(days=7)


@dataclass
class MemoryWebhooks:
    """A `WebhookStore` in dictionaries; `queue` holds the next attempts as (delivery, number, seconds to wait)."""

    clock: Clock = field(default_factory=SystemClock)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    signing: dict[str, tuple[SigningSecret, ...]] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    queue: list[tuple[str, int, float]] = field(default_factory=list)
    away: bool = False

    def announce(self, job: Job, job_webhook: Webhook | None) -> None:
        """Create the delivery of a job's end, as a job store does."""
        endpoint = self.endpoints.get(job.owner)
        webhook = job_webhook or (endpoint.webhook if endpoint and not endpoint.disabled_at else None)
        if webhook is None or job.status not in webhook.events:
            return
        now = self._now()
        delivery = Delivery(
            id=f"{job.id}-{job.version}",
            owner=job.owner,
            job_id=job.id,
            kind=job.kind,
            event=job.status,
            version=job.version,
            url=webhook.url,
            per_job=job_webhook is not None,
            status=DeliveryStatus.PENDING,
            created_at=now,
            expires_at=now + LIFE,
            next_at=now,
        )
        self.deliveries[delivery.id] = delivery
        self.queue.append((delivery.id, 1, 0.0))

    def forget(self, job_id: str) -> None:
        """Delete the deliveries of a job, as a store of jobs does."""
        self.deliveries = {name: each for name, each in self.deliveries.items() if each.job_id != job_id}
        self.queue = [entry for entry in self.queue if entry[0] in self.deliveries]

    async def endpoint(self, owner: str) -> Endpoint | None:
        await self._answer()
        return self.endpoints.get(owner)

    async def set_endpoint(self, owner: str, webhook: Webhook) -> None:
        await self._answer()
        self.endpoints[owner] = Endpoint(webhook)

    async def remove_endpoint(self, owner: str) -> None:
        await self._answer()
        self.endpoints.pop(owner, None)

    async def secrets(self, owner: str, new: str) -> tuple[SigningSecret, ...]:
        await self._answer()
        valid = self._valid(owner) or (SigningSecret(new),)
        self.signing[owner] = valid
        return valid

    async def rotate(self, owner: str, new: str, overlap: timedelta) -> tuple[SigningSecret, ...]:
        await self._answer()
        until = self._now() + overlap
        older = tuple(secret if secret.until else replace(secret, until=until) for secret in self._valid(owner))
        self.signing[owner] = (SigningSecret(new), *older)[:5]
        return self.signing[owner]

    async def load(self, delivery_id: str, owner: str | None = None) -> Delivery | None:
        await self._answer()
        found = self.deliveries.get(delivery_id)
        return found if found and owner in (None, found.owner) else None

    async def list(
        self, owner: str, status: DeliveryStatus | None, job_id: str | None, limit: int, before: str | None = None
    ) -> DeliveryPage:
        await self._answer()
        found = [each for each in self.deliveries.values() if each.owner == owner]
        found = [each for each in found if status in (None, each.status) and job_id in (None, each.job_id)]
        found = [each for each in found if before is None or each.sort_key < before]
        found.sort(key=lambda each: each.sort_key, reverse=True)
        return DeliveryPage(tuple(found[:limit]), found[limit - 1].sort_key if len(found) > limit else None)

    async def record(
        self, delivery: Delivery, attempt: DeliveryAttempt, wait: float | None, *, disable: bool = False
    ) -> bool:
        await self._answer()
        held = self.deliveries.get(delivery.id)
        if held is None or not held.is_next_attempt(attempt.number):
            return False
        now = self._now()
        pause = timedelta(seconds=wait or 0.0)
        self.deliveries[delivery.id] = replace(
            held,
            url=delivery.url,
            status=delivery.status,
            attempt_count=attempt.number,
            attempts=(*held.attempts, attempt)[-50:],
            next_at=None if wait is None else now + pause,
            expires_at=now + LIFE + pause,
        )
        if wait is not None:
            self.queue.append((delivery.id, attempt.number + 1, wait))
        endpoint = self.endpoints.get(held.owner)
        if disable and endpoint and endpoint.webhook.url == delivery.url:
            self.endpoints[held.owner] = replace(endpoint, disabled_at=now)
        return True

    async def replay(self, delivery_id: str) -> bool:
        await self._answer()
        held = self.deliveries.get(delivery_id)
        if held is not None and held.status in {DeliveryStatus.DELIVERED, DeliveryStatus.DEAD}:
            self.deliveries[delivery_id] = replace(
                held,
                status=DeliveryStatus.PENDING,
                attempts_before_replay=held.attempt_count,
                next_at=self._now(),
                expires_at=self._now() + LIFE,
            )
            self.queue.append((delivery_id, held.attempt_count + 1, 0.0))
        return held is not None

    def _valid(self, owner: str) -> tuple[SigningSecret, ...]:
        now = self._now()
        return tuple(secret for secret in self.signing.get(owner, ()) if not secret.until or secret.until > now)

    def _now(self) -> datetime:
        # Redis counts milliseconds.
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailableError("away")
