"""Stores of jobs and of webhooks side by side, with what a test wants to see of them from behind the ports."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import WEBHOOKS
from aether.adapters.redis.webhooks import RedisWebhooks
from aether.domain.job import Status
from aether.domain.webhook import Delivery, DeliveryStatus, Try, Webhook
from aether.durable.ports import JobStore, NewJob
from aether.services.webhooks import WebhookStore
from tests.contract.benches import NEW, RedisBench, brought_to
from tests.fakes import MemoryJobStore

HOOK = Webhook("https://example.com/hook")
TOLD = replace(NEW, webhook=HOOK)
DAY = timedelta(days=1)


class Office(Protocol):
    """A store of jobs, that of their webhooks, and the queue behind it."""

    @property
    def jobs(self) -> JobStore: ...

    @property
    def webhooks(self) -> WebhookStore: ...

    async def queued(self) -> list[tuple[str, int]]:
        """Each try that is queued, as delivery and number."""
        ...


class MemoryOffice:
    def __init__(self) -> None:
        self.jobs = MemoryJobStore()
        self.webhooks = self.jobs.webhooks

    async def queued(self) -> list[tuple[str, int]]:
        return [(delivery_id, number) for delivery_id, number, _ in self.webhooks.queue]


@dataclass
class RedisOffice:
    client: Redis

    @property
    def jobs(self) -> JobStore:
        return RedisBench(self.client).store

    @property
    def webhooks(self) -> WebhookStore:
        return RedisWebhooks(self.client)

    async def queued(self) -> list[tuple[str, int]]:
        entries = [entry.decode().rpartition(":") for entry in await self.client.zrange(WEBHOOKS, 0, -1)]
        return [(delivery_id, int(number)) for delivery_id, _, number in entries]


def office_of(request: pytest.FixtureRequest) -> Office:
    """The office that the fixture's parameter names."""
    if request.param == "memory":
        return MemoryOffice()
    return RedisOffice(request.getfixturevalue(f"{request.param}_client"))


async def delivery_of(office: Office, job: NewJob = TOLD, status: Status = Status.COMPLETED) -> Delivery:
    """The delivery that the end of this job makes."""
    ended = await brought_to(office.jobs, status, job)
    found = await office.webhooks.load(f"{ended.id}-{ended.version}")
    assert found
    return found


async def reloaded(office: Office, delivery: Delivery) -> Delivery:
    found = await office.webhooks.load(delivery.id)
    assert found
    return found


def failed(delivery: Delivery, number: int = 1) -> Try:
    return Try(number, delivery.created_at, 0.5, 500, "The receiver answered 500.")


async def ended(office: Office, delivery: Delivery, status: DeliveryStatus = DeliveryStatus.DELIVERED) -> Delivery:
    """The delivery after a last try."""
    assert await office.webhooks.record(replace(delivery, status=status), failed(delivery, delivery.tried + 1), None)
    return await reloaded(office, delivery)
