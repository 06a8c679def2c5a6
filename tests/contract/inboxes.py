"""Inboxes with the stores that fill them, and what tests ask of both."""

from typing import NamedTuple

from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.inbox import RedisInboxStore
from aether.domain.job import Change, Job, Kind, Status
from aether.domain.notification import InboxPage, Notification
from aether.durable.ports import JobStore
from aether.services.inbox import InboxStore
from tests.contract.benches import NEW, TTL, RedisBench, brought_to

OWNER = NEW.owner
ALL = 100


class WebhookHttpClient(NamedTuple):
    """A store of jobs, and the inbox that it fills."""

    store: JobStore
    inbox: InboxStore


def redis_post(client: Redis) -> WebhookHttpClient:
    return WebhookHttpClient(RedisBench(client).store, RedisInboxStore(client, TTL))


async def ended(
    store: JobStore, job_id: str, status: Status = Status.FAILED, *, owner: str = OWNER, kind: Kind = Kind.REPORT
) -> Job:
    """A job that has ended like this."""
    return await brought_to(store, status, replace(NEW, id=job_id, owner=owner, kind=kind))


async def ended_again(store: JobStore, job_id: str, status: Status) -> None:
    """Try a job again, up to another end."""
    await store.move(job_id, Change(status=Status.PENDING))
    await store.begin(job_id)
    await store.move(job_id, Change(status=status))


async def told(inbox: InboxStore, owner: str = OWNER, *, unacked: bool = False) -> tuple[Notification, ...]:
    page = await inbox.page(owner, 0, ALL, unacked=unacked)
    assert page.next is None
    return page.notifications


def ids(*pages: InboxPage) -> list[int]:
    return [entry.id for page in pages for entry in page.notifications]


def jobs(*pages: InboxPage) -> list[str]:
    return [entry.job_id for page in pages for entry in page.notifications]
