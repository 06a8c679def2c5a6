"""Hub harness: a change hub over a job store, in memory or on Redis."""

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
from aether.leased_queue.key_names import key_name
from tests.contract.job_store_harness import NEW_JOB, RedisJobStoreHarness, begin_job
from tests.waiting import PATIENCE_S

LONG_S = PATIENCE_S  # for an event that is expected: never waited for in full
NEVER_S = 600.0  # no sweep during a test: each change has to come as a message
SHORT_S = 0.05  # for an event that is not expected


class HubHarness(NamedTuple):
    """A store, the hub over it, and what publishes a model's text to the hub."""

    store: JobStore
    hub: ChangeHub
    publish: Callable[[str, Delta], None]


@asynccontextmanager
async def redis_hub_harness(
    client: Redis, listening: Redis | None = None, *, silence_s: float = 1.0, sweep_s: float = NEVER_S
) -> AsyncIterator[HubHarness]:
    """Open a store on `client`, and a hub on `listening` or else on the same client."""
    hub = RedisHub(listening or client, silence_s=silence_s, sweep_s=sweep_s)
    async with hub, DeltaPublisher(client) as publisher:
        yield HubHarness(RedisJobStoreHarness(client).store, hub, publisher.publish)


async def make_changer(store: JobStore, job_id: str = NEW_JOB.id) -> Callable[[], asyncio.Future[int]]:
    """Begin a job, and return a function that commits a change, which adds one version."""
    job = await begin_job(store, replace(NEW_JOB, id=job_id))
    version = job.version

    async def change() -> int:
        nonlocal version
        version, _ = await store.commit(job.id, job.epoch, version, Change(total=version))
        return version

    return lambda: asyncio.ensure_future(change())


async def load_version(store: JobStore, job_id: str = NEW_JOB.id) -> int:
    job = await store.load(job_id)
    return job.version if job else 0


async def wait_for_subscriptions(hub_harness: HubHarness, *job_ids: str) -> None:
    """Wait until the server knows the subscriptions to these jobs, and their watches have read the version."""
    if isinstance(hub_harness.hub, RedisHub):
        client = hub_harness.hub._client
        channels = [key_name(client, CHANGES, job_id) for job_id in job_ids or (NEW_JOB.id,)]
        while not all(count for _, count in await client.pubsub_numsub(*channels)):  # noqa: ASYNC110 - no event announces it
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
