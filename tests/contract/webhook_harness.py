"""Webhook harness: a webhook store beside the job store that creates its deliveries, with access to the queue."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import DELIVERY, WEBHOOKS
from aether.adapters.redis.webhooks import RedisWebhooks
from aether.domain.job import Status
from aether.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus, Webhook
from aether.durable.ports import JobStore, NewJob
from aether.leased_queue.key_names import key_name
from aether.services.webhooks import WebhookStore
from tests.contract.job_store_harness import NEW_JOB, RedisJobStoreHarness, job_with_status
from tests.fakes import MemoryJobStore

WEBHOOK = Webhook("https://example.com/hook")
JOB_WITH_WEBHOOK = replace(NEW_JOB, webhook=WEBHOOK)
DAY = timedelta(days=1)


class WebhookHarness(Protocol):
    """A job store, the store of its webhooks, and the queue of attempts."""

    @property
    def jobs(self) -> JobStore: ...

    @property
    def webhooks(self) -> WebhookStore: ...

    async def queued(self) -> list[tuple[str, int]]:
        """Return each queued attempt, as delivery id and number."""
        ...

    async def rewrite(self, delivery: Delivery) -> None:
        """Store the delivery's kind, event and status as they are here."""
        ...


class MemoryWebhookHarness:
    def __init__(self) -> None:
        self.jobs = MemoryJobStore()
        self.webhooks = self.jobs.webhooks

    async def queued(self) -> list[tuple[str, int]]:
        return [(delivery_id, number) for delivery_id, number, _ in self.webhooks.queue]

    async def rewrite(self, delivery: Delivery) -> None:
        self.webhooks.deliveries[delivery.id] = delivery


@dataclass
class RedisWebhookHarness:
    client: Redis

    @property
    def jobs(self) -> JobStore:
        return RedisJobStoreHarness(self.client).store

    @property
    def webhooks(self) -> WebhookStore:
        return RedisWebhooks(self.client)

    async def queued(self) -> list[tuple[str, int]]:
        queue = await self.client.zrange(key_name(self.client, WEBHOOKS), 0, -1)
        entries = [entry.decode().rpartition(":") for entry in queue]
        return [(delivery_id, int(number)) for delivery_id, _, number in entries]

    async def rewrite(self, delivery: Delivery) -> None:
        words: dict[bytes | str, str] = {"kind": delivery.kind, "event": delivery.event, "status": delivery.status}
        # redis-py types the answers of its two kinds of client as one.
        await self.client.hset(key_name(self.client, DELIVERY, delivery.id), mapping=words | {"lane": "fast"})  # type: ignore[misc]


def webhook_harness_for(request: pytest.FixtureRequest) -> WebhookHarness:
    """Return the harness that the fixture's parameter names."""
    if request.param == "memory":
        return MemoryWebhookHarness()
    return RedisWebhookHarness(request.getfixturevalue(f"{request.param}_client"))


async def create_delivery(
    webhook_harness: WebhookHarness, job: NewJob = JOB_WITH_WEBHOOK, status: Status = Status.COMPLETED
) -> Delivery:
    """End the job, and return the delivery that this creates."""
    end_delivery = await job_with_status(webhook_harness.jobs, status, job)
    found = await webhook_harness.webhooks.load(f"{end_delivery.id}-{end_delivery.version}")
    assert found
    return found


async def reload_delivery(webhook_harness: WebhookHarness, delivery: Delivery) -> Delivery:
    found = await webhook_harness.webhooks.load(delivery.id)
    assert found
    return found


def failed_attempt(delivery: Delivery, number: int = 1) -> DeliveryAttempt:
    return DeliveryAttempt(number, delivery.created_at, 0.5, 500, "The receiver answered 500.")


async def end_delivery(
    webhook_harness: WebhookHarness, delivery: Delivery, status: DeliveryStatus = DeliveryStatus.DELIVERED
) -> Delivery:
    """Record a last attempt, and return the delivery after it."""
    assert await webhook_harness.webhooks.record(
        replace(delivery, status=status), failed_attempt(delivery, delivery.attempt_count + 1), None
    )
    return await reload_delivery(webhook_harness, delivery)
