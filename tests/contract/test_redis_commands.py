"""What a job costs Redis in commands, those inside scripts included."""

from collections.abc import Awaitable

from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.store import RedisJobStore
from aether.domain.job import Change, Status, Step, StepStatus
from tests.contract.job_store_harness import NEW_JOB, QUEUE, RedisJobStoreHarness
from tests.contract.test_redis_listing import commands
from tests.queue.commands import SCRIPTS, claim

SECTIONS = tuple(f"section:{at}" for at in range(8))
REPORT = replace(NEW_JOB, id="report")  # an id for which no list is pruned


def step(name: str, status: StepStatus) -> Step:
    return Step(name, status=status, attempts=1)


ONE_BY_ONE = [
    Change(steps=(step("outline", StepStatus.RUNNING),)),
    Change(steps=(step("outline", StepStatus.DONE),)),
    Change(steps=tuple(step(name, StepStatus.RUNNING) for name in SECTIONS), total=9),
    *(Change(steps=(step(name, StepStatus.DONE),)) for name in SECTIONS),
    Change(Status.COMPLETED),
]
AT_ONCE = [*ONE_BY_ONE[:3], Change(steps=tuple(step(name, StepStatus.DONE) for name in SECTIONS)), ONE_BY_ONE[-1]]


async def run_report(client: Redis, store: RedisJobStore, changes: list[Change]) -> None:
    """Do with a waiting job what a worker does."""
    _, (job_id, token, score, *_) = await claim(client, "worker", queue=QUEUE)
    job = await store.begin(job_id.decode())
    assert job
    version = job.version
    for change in changes:
        version, _ = await store.commit(job.id, job.epoch, version, change)
    assert await SCRIPTS.ack.run(client, [QUEUE, 4_000, "finish", job_id, token, score, 0, b"", 0]) == [1]


async def costs(client: Redis, changes: list[Change]) -> tuple[int, int]:
    """Return the commands of a POST, and those of the whole job, while an idle worker waits."""
    store = RedisJobStoreHarness(client).store
    await store.create(NEW_JOB)
    await run_report(client, store, changes)  # from here on the server knows the scripts and the owner
    await client.delete(f"{QUEUE}:bell")
    created = await count(client, store.create(REPORT))
    return created, created + await count(client, run_report(client, store, changes))


async def count(client: Redis, call: Awaitable[object]) -> int:
    counted = await commands(client, call)
    del counted["config|resetstat"]
    return counted.total()


async def test_a_post_takes_16_commands_and_a_report_of_9_steps_at_most_120(valkey_client: Redis) -> None:
    """Those of the worker as such, for its heartbeats and while it is idle, come on top."""
    post, whole = await costs(valkey_client, ONE_BY_ONE)

    assert post <= 16
    assert whole <= 120


async def test_a_report_whose_sections_end_together_takes_far_fewer_commands(valkey_client: Redis) -> None:
    _, whole = await costs(valkey_client, AT_ONCE)

    assert whole <= 85
