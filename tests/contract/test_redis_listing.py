"""What only lists on Redis promise: what they cost, and what becomes of their indexes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import INDEX, RECORD
from aether.adapters.redis.store import Queueing, RedisJobStore
from aether.domain.job import Change, Job, Status, Step
from tests.contract.benches import NEW, QUEUE, TTL, RedisBench, begun, brought_to
from tests.contract.test_listing import EVERY, ids, named, page_of, pages_of

PENDING = f"{INDEX}{NEW.kind}:pending:{NEW.owner}"
PROCESSING = f"{INDEX}{NEW.kind}:processing:{NEW.owner}"
TTL_MS = int(TTL.total_seconds() * 1000)


async def many(bench: RedisBench, number: int, prefix: str = "job") -> list[str]:
    names = [f"{prefix}-{at}" for at in range(number)]
    await asyncio.gather(*(bench.store.create(named(name)) for name in names))
    return names


async def commands(client: Redis, call: Awaitable[object]) -> Counter[str]:
    """What the server did for this call, in its scripts as well."""
    await client.config_resetstat()
    await call
    stats = await client.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): its["calls"] for name, its in stats.items()})


async def test_a_page_takes_as_many_commands_of_ten_jobs_as_of_thousands(valkey_client: Redis) -> None:
    bench = RedisBench(valkey_client)
    await many(bench, 10, "a")
    await page_of(bench.store, 5)  # from here on the server knows the script
    of_few = await commands(valkey_client, page_of(bench.store, 5))
    await many(bench, 3_000, "b")

    of_many = await commands(valkey_client, page_of(bench.store, 5))

    of_few.pop("config|resetstat"), of_many.pop("config|resetstat")
    assert (of_few, 5, 6) == (of_many, of_many["zrange"], of_many["hmget"])


async def test_a_commit_that_leaves_the_status_does_not_touch_the_index(valkey_client: Redis) -> None:
    """But once a minute, which one of two commits in a row cannot avoid."""
    bench = RedisBench(valkey_client)
    job = await begun(bench.store)

    taken = []
    for version in (job.version, job.version + 1):
        write = bench.store.commit(job.id, job.epoch, version, Change(total=2))
        taken.append(await commands(valkey_client, write))

    assert {0} <= {sum(made[name] for name in ("zadd", "zrem", "zrange", "exists", "pttl")) for made in taken}


async def test_a_change_of_status_is_one_entry_out_and_one_in(valkey_client: Redis) -> None:
    bench = RedisBench(valkey_client)
    await bench.store.create(NEW)

    taken = await commands(valkey_client, bench.store.begin(NEW.id))

    assert (taken["evalsha"], taken["zrem"], taken["zadd"]) == (1, 1, 1)


async def test_expired_jobs_are_gone_through_and_their_entries_dropped(redis_bench: RedisBench) -> None:
    names = await many(redis_bench, 120)
    kept = names[0]
    await redis_bench.expire(*names[1:])

    page = await page_of(redis_bench.store, 1)

    assert ([kept], None) == (ids(page), page.next)
    assert await redis_bench.client.zcard(PENDING) == 1


async def test_a_page_is_full_though_there_is_more_to_go_through_than_one_call_may(valkey_client: Redis) -> None:
    bench = RedisBench(valkey_client)
    await bench.store.create(named("oldest"))
    await bench.store.create(named("old"))
    await bench.expire(*await many(bench, 2_500))
    await bench.store.create(named("new"))

    calls = await commands(valkey_client, page_of(bench.store, 2))
    pages = [page async for page in pages_of(bench.store, 2)]

    assert calls["evalsha"] == 3
    assert [len(page.jobs) for page in pages] == [2, 1]


async def test_entries_of_expired_jobs_do_not_pile_up(redis_bench: RedisBench) -> None:
    for at in range(40):
        await brought_to(redis_bench.store, Status.FAILED, named(f"job-{at}"))
        await redis_bench.expire(f"job-{at}")

    assert await longest_index(redis_bench) <= 2


async def test_one_that_is_alive_does_not_keep_the_expired_behind_it(redis_bench: RedisBench) -> None:
    await brought_to(redis_bench.store, Status.FAILED)
    for at in range(20):
        await brought_to(redis_bench.store, Status.FAILED, named(f"job-{at}"))
        await redis_bench.expire(f"job-{at}")

    assert await longest_index(redis_bench) <= 3


async def longest_index(bench: RedisBench) -> int:
    cards: list[int] = [await bench.client.zcard(key) for key in await bench.keys() if key.startswith(INDEX)]
    return max(cards)


@pytest.mark.parametrize("status", list(Status))
async def test_erasing_takes_the_entry_out(redis_bench: RedisBench, status: Status) -> None:
    await brought_to(redis_bench.store, status)

    await redis_bench.store.erase(NEW.id)

    assert not [key for key in await redis_bench.keys() if key.startswith(INDEX)]


async def backdated(client: Redis, job: Job, by: timedelta) -> None:
    """Let the record's last change be longer ago, and its index about to expire."""
    changed = int((job.updated_at - by).timestamp() * 1000)
    await client.hset(RECORD + job.id, "updated_at", str(changed))  # type: ignore[misc]
    await client.pexpire(PROCESSING, 5_000)


async def test_an_index_lives_as_long_as_its_jobs(redis_bench: RedisBench) -> None:
    """Also while they run for longer than their time to live, without a change of status."""
    job = await begun(redis_bench.store)
    await backdated(redis_bench.client, job, timedelta(minutes=1))

    await redis_bench.store.commit(job.id, job.epoch, job.version, Change(total=2))

    assert await redis_bench.client.pttl(PROCESSING) >= await redis_bench.client.pttl(RECORD + job.id)


async def test_a_job_that_lives_shorter_does_not_cut_the_index_of_the_others(redis_bench: RedisBench) -> None:
    brief = RedisJobStore(redis_bench.client, Queueing(QUEUE, "perform", 10), timedelta(seconds=1))
    await redis_bench.store.create(NEW)

    await brief.create(named("brief"))

    assert await redis_bench.client.pttl(PENDING) > TTL_MS / 2


async def test_a_record_from_before_there_were_lists_can_be_changed_and_is_not_in_the_way(
    redis_bench: RedisBench,
) -> None:
    job = await begun(redis_bench.store)
    await redis_bench.client.delete(PENDING, PROCESSING)
    await redis_bench.client.hdel(RECORD + job.id, "finished")  # type: ignore[misc]
    listed = ids(await page_of(redis_bench.store))

    await redis_bench.store.commit(job.id, job.epoch, job.version, Change(Status.FAILED, 2, (Step("outline"),)))
    await redis_bench.store.erase(job.id)

    assert (listed, ids(await page_of(redis_bench.store))) == ([], [])


async def test_an_entry_whose_record_says_otherwise_is_not_shown(redis_bench: RedisBench) -> None:
    """As after a change made by a worker that knows nothing of lists."""
    await redis_bench.store.create(NEW)
    await redis_bench.client.hset(RECORD + NEW.id, "status", "processing")  # type: ignore[misc]

    assert ids(await page_of(redis_bench.store)) == []


async def test_step_results_are_not_read(valkey_client: Redis) -> None:
    """They may be large; the whole page is smaller than the one result."""
    bench = RedisBench(valkey_client)
    job = await begun(bench.store)
    result = replace(Step("outline"), title="x" * 1_000_000)
    await bench.store.commit(job.id, job.epoch, job.version, Change(steps=(result,)))
    before = (await valkey_client.info("stats"))["total_net_output_bytes"]

    await bench.store.list(NEW.owner, NEW.kind, EVERY, 1)

    assert (await valkey_client.info("stats"))["total_net_output_bytes"] - before < 100_000
