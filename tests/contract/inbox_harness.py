"""Inbox harness: an inbox with the job store that fills it."""

from typing import NamedTuple

from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.inbox import RedisInboxStore
from aether.domain.job import Change, Job, Kind, Status
from aether.domain.notification import InboxPage, Notification
from aether.durable.ports import JobStore
from aether.services.inbox import InboxStore
from tests.contract.job_store_harness import NEW_JOB, TTL, RedisJobStoreHarness, job_with_status

OWNER = NEW_JOB.owner
ALL = 100


class InboxHarness(NamedTuple):
    """A job store, and the inbox that it fills."""

    store: JobStore
    inbox: InboxStore


def redis_inbox_harness(client: Redis) -> InboxHarness:
    return InboxHarness(RedisJobStoreHarness(client).store, RedisInboxStore(client, TTL))


async def end_job(
    store: JobStore, job_id: str, status: Status = Status.FAILED, *, owner: str = OWNER, kind: Kind = Kind.REPORT
) -> Job:
    """Create a job and end it with this status."""
    return await job_with_status(store, status, replace(NEW_JOB, id=job_id, owner=owner, kind=kind))


async def end_job_again(store: JobStore, job_id: str, status: Status) -> None:
    """Retry the job, and end it with this status."""
    await store.move(job_id, Change(status=Status.PENDING))
    await store.begin(job_id)
    await store.move(job_id, Change(status=status))


async def all_notifications(
    inbox: InboxStore, owner: str = OWNER, *, unacked: bool = False
) -> tuple[Notification, ...]:
    page = await inbox.page(owner, 0, ALL, unacked=unacked)
    assert page.next is None
    return page.notifications


def ids(*pages: InboxPage) -> list[int]:
    return [entry.id for page in pages for entry in page.notifications]


def job_ids(*pages: InboxPage) -> list[str]:
    return [entry.job_id for page in pages for entry in page.notifications]
