"""Lists on Redis: cost, and the indexes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import INDEX, PRUNE_EVERY, RECORD
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Change, Job, Status, Step
from tests.contract.job_store_harness import NEW_JOB, QUEUE, TTL, RedisJobStoreHarness, begin_job, job_with_status
from tests.contract.test_listing import EVERY, ids, named, page_of, pages_of

PENDING = f"{INDEX}{NEW_JOB.kind}:pending:{NEW_JOB.owner}"
PROCESSING = f"{INDEX}{NEW_JOB.kind}:processing:{NEW_JOB.owner}"
TTL_MS = int(TTL.total_seconds() * 1000)


async def many(harness: RedisJobStoreHarness, number: int, prefix: str = "job") -> list[str]:
    names = [f"{prefix}-{at}" for at in range(number)]
    await asyncio.gather(*(harness.store.create(named(name)) for name in names))
    return names


async def commands(client: Redis, call: Awaitable[object]) -> Counter[str]:
    """Count the commands that the server ran for this call, including those in scripts."""
    await client.config_resetstat()
    await call
    stats = await client.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): its["calls"] for name, its in stats.items()})


async def test_a_page_takes_as_many_commands_of_ten_jobs_as_of_thousands(valkey_client: Redis) -> None:
    harness = RedisJobStoreHarness(valkey_client)
    await many(harness, 10, "a")
    await page_of(harness.store, 5)  # from here on the server knows the script
    of_few = await commands(valkey_client, page_of(harness.store, 5))
    await many(harness, 3_000, "b")

    of_many = await commands(valkey_client, page_of(harness.store, 5))

    of_few.pop("config|resetstat"), of_many.pop("config|resetstat")
    assert (of_few, 5, 6) == (of_many, of_many["zrange"], of_many["hmget"])


async def test_a_commit_that_leaves_the_status_does_not_touch_the_index(valkey_client: Redis) -> None:
    """Except once a minute, which cannot be true of both of two commits in a row."""
    harness = RedisJobStoreHarness(valkey_client)
    job = await begin_job(harness.store)

    counts = []
    for version in (job.version, job.version + 1):
        write = harness.store.commit(job.id, job.epoch, version, Change(total=2))
        counts.append(await commands(valkey_client, write))

    assert {0} <= {sum(made[name] for name in ("zadd", "zrem", "zrange", "exists", "pttl")) for made in counts}


async def test_a_change_of_status_moves_one_index_member(valkey_client: Redis) -> None:
    harness = RedisJobStoreHarness(valkey_client)
    await harness.store.create(NEW_JOB)

    counts = await commands(valkey_client, harness.store.begin(NEW_JOB.id))

    assert (counts["evalsha"], counts["zrem"], counts["zadd"]) == (1, 1, 1)


async def test_a_list_skips_expired_jobs_and_removes_them(redis_harness: RedisJobStoreHarness) -> None:
    names = await many(redis_harness, 120)
    kept = names[0]
    await redis_harness.expire(*names[1:])

    page = await page_of(redis_harness.store, 1)

    assert ([kept], None) == (ids(page), page.next)
    assert await redis_harness.client.zcard(PENDING) == 1


async def test_a_page_is_full_even_if_it_takes_several_calls(valkey_client: Redis) -> None:
    harness = RedisJobStoreHarness(valkey_client)
    await harness.store.create(named("oldest"))
    await harness.store.create(named("old"))
    await harness.expire(*await many(harness, 2_500))
    await harness.store.create(named("new"))

    calls = await commands(valkey_client, page_of(harness.store, 2))
    pages = [page async for page in pages_of(harness.store, 2)]

    assert calls["evalsha"] == 3
    assert [len(page.jobs) for page in pages] == [2, 1]


async def test_members_of_expired_jobs_do_not_pile_up(redis_harness: RedisJobStoreHarness) -> None:
    for at in range(40):
        await job_with_status(redis_harness.store, Status.FAILED, named(f"job-{at}"))
        await redis_harness.expire(f"job-{at}")

    assert await longest_index(redis_harness) <= 2 * PRUNE_EVERY


async def test_an_old_living_job_does_not_keep_expired_members(redis_harness: RedisJobStoreHarness) -> None:
    await job_with_status(redis_harness.store, Status.FAILED)
    for at in range(40):
        await job_with_status(redis_harness.store, Status.FAILED, named(f"job-{at}"))
        await redis_harness.expire(f"job-{at}")

    assert await longest_index(redis_harness) <= 2 * PRUNE_EVERY


async def longest_index(harness: RedisJobStoreHarness) -> int:
    cards: list[int] = [await harness.client.zcard(key) for key in await harness.keys() if key.startswith(INDEX)]
    return max(cards)


@pytest.mark.parametrize("status", list(Status))
async def test_erasing_removes_the_index_member(redis_harness: RedisJobStoreHarness, status: Status) -> None:
    await job_with_status(redis_harness.store, status)

    await redis_harness.store.erase(NEW_JOB.id)

    assert not [key for key in await redis_harness.keys() if key.startswith(INDEX)]


async def set_back(client: Redis, job: Job, by: timedelta) -> None:
    """Make the record's last change this much older, and let its index expire soon."""
    changed = int((job.updated_at - by).timestamp() * 1000)
    await client.hset(RECORD + job.id, "updated_at", str(changed))  # type: ignore[misc]
    await client.pexpire(PROCESSING, 5_000)


async def test_an_index_lives_as_long_as_its_jobs(redis_harness: RedisJobStoreHarness) -> None:
    """Even while a job runs longer than its time to live without a change of status."""
    job = await begin_job(redis_harness.store)
    await set_back(redis_harness.client, job, timedelta(minutes=1))

    await redis_harness.store.commit(job.id, job.epoch, job.version, Change(total=2))

    assert await redis_harness.client.pttl(PROCESSING) >= await redis_harness.client.pttl(RECORD + job.id)


async def test_a_job_with_a_shorter_life_does_not_shorten_the_index(
    redis_harness: RedisJobStoreHarness,
) -> None:
    brief = RedisJobStore(redis_harness.client, QueueSettings(QUEUE, "perform", 10), timedelta(seconds=1))
    await redis_harness.store.create(NEW_JOB)

    await brief.create(named("brief"))

    assert await redis_harness.client.pttl(PENDING) > TTL_MS / 2


async def test_a_record_without_an_index_member_can_be_changed(
    redis_harness: RedisJobStoreHarness,
) -> None:
    job = await begin_job(redis_harness.store)
    await redis_harness.client.delete(PENDING, PROCESSING)
    await redis_harness.client.hdel(RECORD + job.id, "finished")  # type: ignore[misc]
    listed = ids(await page_of(redis_harness.store))

    await redis_harness.store.commit(job.id, job.epoch, job.version, Change(Status.FAILED, 2, (Step("outline"),)))
    await redis_harness.store.erase(job.id)

    assert (listed, ids(await page_of(redis_harness.store))) == ([], [])


async def test_an_outdated_index_member_is_not_listed(redis_harness: RedisJobStoreHarness) -> None:
    """A worker of an old version may have changed the record only."""
    await redis_harness.store.create(NEW_JOB)
    await redis_harness.client.hset(RECORD + NEW_JOB.id, "status", "processing")  # type: ignore[misc]

    assert ids(await page_of(redis_harness.store)) == []


async def test_step_results_are_not_read(valkey_client: Redis) -> None:
    """They may be large; the whole page is smaller than the one result."""
    harness = RedisJobStoreHarness(valkey_client)
    job = await begin_job(harness.store)
    result = replace(Step("outline"), title="x" * 1_000_000)
    await harness.store.commit(job.id, job.epoch, job.version, Change(steps=(result,)))
    before = (await valkey_client.info("stats"))["total_net_output_bytes"]

    await harness.store.list(NEW_JOB.owner, NEW_JOB.kind, EVERY, 1)

    assert (await valkey_client.info("stats"))["total_net_output_bytes"] - before < 100_000
