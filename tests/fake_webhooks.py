"""Fake webhooks: a webhook store in memory; the contract tests run over it as over the real one."""

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

DELIVERY_TTL = timedelta(days=7)


@dataclass
class MemoryWebhooks:
    """A `WebhookStore` in dictionaries; `queue` contains the next attempts as (delivery, number, seconds to wait)."""

    clock: Clock = field(default_factory=SystemClock)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    signing_secrets: dict[str, tuple[SigningSecret, ...]] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    queue: list[tuple[str, int, float]] = field(default_factory=list)
    is_unavailable: bool = False

    def create_delivery(self, job: Job, job_webhook: Webhook | None) -> None:
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
            expires_at=now + DELIVERY_TTL,
            next_at=now,
        )
        self.deliveries[delivery.id] = delivery
        self.queue.append((delivery.id, 1, 0.0))

    def delete_deliveries(self, job_id: str) -> None:
        """Delete the deliveries of a job, as a job store does."""
        self.deliveries = {name: each for name, each in self.deliveries.items() if each.job_id != job_id}
        self.queue = [entry for entry in self.queue if entry[0] in self.deliveries]

    async def now(self) -> datetime:
        await self._answer()
        return self._now()

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
        self.signing_secrets[owner] = valid
        return valid

    async def rotate(self, owner: str, new: str, overlap: timedelta) -> tuple[SigningSecret, ...]:
        await self._answer()
        until = self._now() + overlap
        older = tuple(secret if secret.until else replace(secret, until=until) for secret in self._valid(owner))
        self.signing_secrets[owner] = (SigningSecret(new), *older)[:5]
        return self.signing_secrets[owner]

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
        stored = self.deliveries.get(delivery.id)
        if stored is None or not stored.is_next_attempt(attempt.number):
            return False
        now = self._now()
        pause = timedelta(seconds=wait or 0.0)
        self.deliveries[delivery.id] = replace(
            stored,
            url=delivery.url,
            status=delivery.status,
            attempt_count=attempt.number,
            attempts=(*stored.attempts, attempt)[-50:],
            next_at=None if wait is None else now + pause,
            expires_at=now + DELIVERY_TTL + pause,
        )
        if wait is not None:
            self.queue.append((delivery.id, attempt.number + 1, wait))
        endpoint = self.endpoints.get(stored.owner)
        if disable and endpoint and endpoint.webhook.url == delivery.url:
            self.endpoints[stored.owner] = replace(endpoint, disabled_at=now)
        return True

    async def replay(self, delivery_id: str) -> bool:
        await self._answer()
        stored = self.deliveries.get(delivery_id)
        if stored is not None and stored.status in {DeliveryStatus.DELIVERED, DeliveryStatus.DEAD}:
            self.deliveries[delivery_id] = replace(
                stored,
                status=DeliveryStatus.PENDING,
                attempts_before_replay=stored.attempt_count,
                next_at=self._now(),
                expires_at=self._now() + DELIVERY_TTL,
            )
            self.queue.append((delivery_id, stored.attempt_count + 1, 0.0))
        return stored is not None

    def _valid(self, owner: str) -> tuple[SigningSecret, ...]:
        now = self._now()
        return tuple(secret for secret in self.signing_secrets.get(owner, ()) if not secret.until or secret.until > now)

    def _now(self) -> datetime:
        # Redis counts milliseconds.
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.is_unavailable:
            raise StoreUnavailableError("away")
