"""Job stores with what a test wants to see of them from behind the port."""

from datetime import timedelta
from typing import Protocol

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.keys import EVENTS, RECORD
from aether.adapters.redis.store import Queueing, RedisJobStore
from aether.domain.events import Event
from aether.domain.job import Change, Job, Kind, Status
from aether.durable.ports import JobStore, NewJob
from aether.leased_queue.keys import ROUND, TURNS
from tests.fakes import MemoryJobStore

TTL = timedelta(hours=1)
QUEUE = "arq:queue"
NEW = NewJob("4f9c", Kind.REPORT, "ada", b'{"topic":"Rome"}', ("outline",))

_event = msgspec.json.Decoder(Event)


class Bench(Protocol):
    """One store and the view behind it."""

    @property
    def store(self) -> JobStore: ...

    def with_room_for(self, longest: int) -> JobStore:
        """The same store with another limit on its queue."""
        ...

    def out_of_reach(self) -> JobStore:
        """A store of this kind that does not answer."""
        ...

    async def queued(self) -> set[str]: ...

    async def events(self, job_id: str) -> dict[str, Event]:
        """The job's events by their ids, in order."""
        ...

    async def expire(self, job_id: str) -> None:
        """Let the time of the job's keys be up."""
        ...


class MemoryBench:
    def __init__(self, store: MemoryJobStore) -> None:
        self.store = store

    def with_room_for(self, longest: int) -> JobStore:
        return MemoryJobStore(longest)

    def out_of_reach(self) -> JobStore:
        return MemoryJobStore(away=True)

    async def queued(self) -> set[str]:
        return set(self.store.queue)

    async def events(self, job_id: str) -> dict[str, Event]:
        return {f"{at}-0": event for at, event in enumerate(self.store.events.get(job_id, []), start=1)}

    async def expire(self, job_id: str) -> None:
        del self.store.jobs[job_id], self.store.events[job_id]


class RedisBench:
    def __init__(self, client: Redis) -> None:
        self.client = client
        self.store = self.store_on(client)

    def store_on(self, client: Redis, longest: int = 10_000) -> RedisJobStore:
        return RedisJobStore(client, Queueing(QUEUE, "perform", longest), TTL, inbox_ttl=TTL)

    def with_room_for(self, longest: int) -> JobStore:
        return self.store_on(self.client, longest)

    def out_of_reach(self) -> JobStore:
        return self.store_on(Redis(unix_socket_path="/nowhere/valkey.sock"))

    async def queued(self) -> set[str]:
        return {job_id.decode() for job_id in await self.client.zrange(QUEUE, 0, -1)}

    async def events(self, job_id: str) -> dict[str, Event]:
        entries = await self.client.xrange(EVENTS + job_id)
        return {entry_id.decode(): _event.decode(fields[b"event"]) for entry_id, fields in entries}

    async def expire(self, *job_ids: str) -> None:
        await self.client.delete(*(prefix + job_id for prefix in (RECORD, EVENTS) for job_id in job_ids))

    async def keys(self) -> set[str]:
        """Every key of the server but those that belong to the queue as a whole: its bell, and whose turn it is."""
        keys = {key.decode() for key in await self.client.keys()} - {f"{QUEUE}:bell", ROUND + QUEUE}
        return {key for key in keys if not key.startswith(f"{TURNS}{QUEUE}:")}


async def begun(store: JobStore, job: NewJob = NEW) -> Job:
    """The job, new and in a run."""
    await store.create(job)
    running = await store.begin(job.id)
    assert running
    return running


async def loaded(store: JobStore, job_id: str = NEW.id) -> Job:
    job = await store.load(job_id)
    assert job
    return job


async def brought_to(store: JobStore, status: Status, job: NewJob = NEW) -> Job:
    """The job at this status, by legal moves only."""
    await store.create(job)
    if status not in {Status.PENDING, Status.CANCELLED}:
        await store.begin(job.id)
    if status not in {Status.PENDING, Status.PROCESSING}:
        await store.move(job.id, Change(status=status))
    return await loaded(store, job.id)
