"""Hubs over stores, and what tests ask of both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.hub import DeltaPublisher, RedisHub
from aether.adapters.redis.keys import CHANGES
from aether.domain.job import Change
from aether.durable.change_hub import ChangeHub, Delta
from aether.durable.ports import JobStore
from tests.contract.benches import NEW, RedisBench, begun

LONG_S = 30.0  # for what is to come, never waited for in full
NEVER_S = 600.0  # so that nothing comes to light but by being heard
SHORT_S = 0.05  # for what is not to come


class ServerConnection(NamedTuple):
    """A store and a hub over it."""

    store: JobStore
    hub: ChangeHub
    publish: Callable[[str, Delta], None]


@asynccontextmanager
async def redis_place(
    client: Redis, listening: Redis | None = None, *, silence_s: float = 1.0, sweep_s: float = NEVER_S
) -> AsyncIterator[ServerConnection]:
    """A store on `client` and a hub on the other, or on the same."""
    hub = RedisHub(listening or client, silence_s=silence_s, sweep_s=sweep_s)
    async with hub, DeltaPublisher(client) as publisher:
        yield ServerConnection(RedisBench(client).store, hub, publisher.publish)


async def changing(store: JobStore, job_id: str = NEW.id) -> Callable[[], asyncio.Future[int]]:
    """A job in a run, as the change that adds one version to it."""
    job = await begun(store, replace(NEW, id=job_id))
    version = job.version

    async def change() -> int:
        nonlocal version
        version, _ = await store.commit(job.id, job.epoch, version, Change(total=version))
        return version

    return lambda: asyncio.ensure_future(change())


async def version_of(store: JobStore, job_id: str = NEW.id) -> int:
    job = await store.load(job_id)
    return job.version if job else 0


async def settled(place: ServerConnection, *job_ids: str) -> None:
    """Let all that was begun come to rest: whoever watches one of the jobs has been told of it, and waits."""
    if isinstance(place.hub, RedisHub):
        client = place.hub._client
        channels = [CHANGES + job_id for job_id in job_ids or (NEW.id,)]
        while not all(count for _, count in await client.pubsub_numsub(*channels)):  # noqa: ASYNC110 - no event of it
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
