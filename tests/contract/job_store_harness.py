"""Job store harness: each implementation of the port, with access to the data behind it."""

from datetime import timedelta
from typing import Protocol

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.keys import INDEX, RECORD, WORKER_TTL_S, WORKERS
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.estimate import Estimate
from aether.domain.events import Event
from aether.domain.job import Change, Job, Kind, Status
from aether.domain.listing import sort_key
from aether.durable.ports import JobStore, NewJob
from aether.leased_queue.key_names import key_name, key_prefix
from aether.leased_queue.keys import ROUND, TURNS
from aether.settings import Settings
from tests.fakes import MemoryJobStore

TTL = timedelta(hours=1)
QUEUE = Settings().queue
NEW_JOB = NewJob("4f9c", Kind.REPORT, "ada", b'{"topic":"Rome"}', ("outline",))

_event = msgspec.json.Decoder(Event)


class JobStoreHarness(Protocol):
    """A store, and what a test reads or changes behind the port."""

    @property
    def store(self) -> JobStore: ...

    def with_queue_limit(self, longest: int) -> JobStore:
        """Return the same store with another limit on the length of its queue."""
        ...

    def unreachable(self) -> JobStore:
        """Return a store of this implementation that does not answer."""
        ...

    async def queued(self) -> set[str]: ...

    async def events(self, job_id: str) -> dict[str, Event]:
        """Return the job's events by id, in order."""
        ...

    async def expire(self, job_id: str) -> None:
        """Expire the job's keys."""
        ...

    async def see_worker(self, ago: timedelta = timedelta(0)) -> None:
        """Let the store know of a worker that announced itself then."""
        ...

    async def rewrite(self, job: Job) -> None:
        """Store the job's kind and status as they are here, in the way in which a newer version does."""
        ...


class MemoryJobStoreHarness:
    def __init__(self, store: MemoryJobStore) -> None:
        self.store = store

    def with_queue_limit(self, longest: int) -> JobStore:
        return MemoryJobStore(longest)

    def unreachable(self) -> JobStore:
        return MemoryJobStore(is_unavailable=True)

    async def queued(self) -> set[str]:
        return set(self.store.queue)

    async def events(self, job_id: str) -> dict[str, Event]:
        return {f"{at}-0": event for at, event in enumerate(self.store.events.get(job_id, []), start=1)}

    async def expire(self, job_id: str) -> None:
        del self.store.jobs[job_id], self.store.events[job_id]

    async def see_worker(self, ago: timedelta = timedelta(0)) -> None:
        self.store.has_worker = ago.total_seconds() <= WORKER_TTL_S

    async def rewrite(self, job: Job) -> None:
        self.store.jobs[job.id] = job


class RedisJobStoreHarness:
    def __init__(self, client: Redis) -> None:
        self.client = client
        self.queue = key_prefix(client) + QUEUE
        self.store = self.store_on(client)

    def store_on(self, client: Redis, longest: int = 10_000) -> RedisJobStore:
        return RedisJobStore(client, QueueSettings(self.queue, "perform", longest), TTL, inbox_ttl=TTL)

    def with_queue_limit(self, longest: int) -> JobStore:
        return self.store_on(self.client, longest)

    def unreachable(self) -> JobStore:
        return self.store_on(Redis(unix_socket_path="/nowhere/valkey.sock"))

    async def queued(self) -> set[str]:
        return {job_id.decode() for job_id in await self.client.zrange(self.queue, 0, -1)}

    async def events(self, job_id: str) -> dict[str, Event]:
        return {f"{version}-0": event for version, event in (await self.store.replay(job_id, 0, 1_000)).events}

    async def expire(self, *job_ids: str) -> None:
        await self.client.delete(*(key_name(self.client, RECORD, job_id) for job_id in job_ids))

    async def see_worker(self, ago: timedelta = timedelta(0)) -> None:
        now, _ = await self.client.time()
        await self.client.zadd(key_name(self.client, WORKERS), {"worker": now - ago.total_seconds()})

    async def rewrite(self, job: Job) -> None:
        before = await load_job(self.store, job.id)
        # redis-py types the answers of its two kinds of client as one.
        await self.client.hset(key_name(self.client, RECORD, job.id), mapping={"kind": job.kind, "status": job.status})  # type: ignore[misc]
        index = key_name(self.client, INDEX)
        await self.client.zrem(f"{index}{before.kind}:{before.status}:{job.owner}", sort_key(job.created_at, job.id))
        # A newer version keeps a job with a new status in an index that older versions know.
        status = job.status if job.status.is_known else before.status
        await self.client.zadd(f"{index}{job.kind}:{status}:{job.owner}", {sort_key(job.created_at, job.id): 0})

    async def keys(self) -> set[str]:
        """Return all keys except those of the service as a whole: the wake-up list and the turns."""
        keys = {key.decode() for key in await self.client.keys()} - {f"{QUEUE}:bell", ROUND + QUEUE}
        return {key for key in keys if not key.startswith(f"{TURNS}{QUEUE}:")}


async def begin_job(store: JobStore, job: NewJob = NEW_JOB) -> Job:
    """Create the job and begin a run of it."""
    await store.create(job)
    running = await store.begin(job.id)
    assert running
    return running


async def load_job(store: JobStore, job_id: str = NEW_JOB.id) -> Job:
    job = await store.load(job_id)
    assert job
    return job


async def load_estimate(store: JobStore, job_id: str, owner: str = NEW_JOB.owner) -> Estimate:
    snapshot = await store.load_snapshot(NEW_JOB.kind, owner, job_id)
    assert snapshot
    return snapshot.estimate


async def job_with_status(store: JobStore, status: Status, job: NewJob = NEW_JOB) -> Job:
    """Create the job and bring it to this status, by legal moves only."""
    await store.create(job)
    if status not in {Status.PENDING, Status.CANCELLED}:
        await store.begin(job.id)
    if status not in {Status.PENDING, Status.PROCESSING}:
        await store.move(job.id, Change(status=status))
    return await load_job(store, job.id)
