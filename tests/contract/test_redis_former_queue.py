"""Former queue: jobs that an earlier version put into arq's default queue are moved, and those of others are not."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.former_queue import move_jobs
from aether.adapters.redis.keys import FORMER_QUEUE
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Change, Status
from aether.leased_queue import payload_for
from aether.leased_queue.scripts import QueueScripts
from tests.contract.job_store_harness import NEW_JOB, QUEUE, TTL, RedisJobStoreHarness
from tests.contract.test_redis_listing import commands
from tests.waiting import eventually

SCRIPTS = QueueScripts()
HOUR_MS = 3_600_000
CANCELLED, PENDING = Change(status=Status.CANCELLED), Change(status=Status.PENDING)


def earlier(harness: RedisJobStoreHarness) -> RedisJobStore:
    """The store of an earlier version, which knows only arq's default queue."""
    return RedisJobStore(harness.client, QueueSettings(FORMER_QUEUE, "perform", 100), TTL)


async def claim(client: Redis, queue: str, lease_ms: int = HOUR_MS, limit: int = 10) -> list[tuple[str, bytes, bytes]]:
    """Claim jobs as a worker of this queue, and return id, token and score of each."""
    _, *claimed = await SCRIPTS.claim.run(client, [queue, f"worker of {queue}", limit, lease_ms, 0, 1, 50])
    return [(job_id.decode(), token, score) for job_id, token, score, *_ in claimed]


async def acknowledge(client: Redis, queue: str, verb: str, job_id: str, token: bytes) -> bool:
    arguments: list[Any] = [queue, 1_000, verb, job_id, token, b"1", 0, payload_for("perform"), 60_000]
    return bool((await SCRIPTS.ack.run(client, arguments))[0])


async def members(client: Redis, queue: str) -> list[str]:
    return [member.decode() for member in await client.zrange(queue, 0, -1)]


async def milliseconds(client: Redis, ahead: timedelta) -> int:
    seconds, _ = await client.time()
    return int((seconds + ahead.total_seconds()) * 1000)


async def test_waiting_jobs_are_moved_and_owners_still_take_turns(redis_harness: RedisJobStoreHarness) -> None:
    """Behind the jobs of their owners that wait in the queue already."""
    client, former = redis_harness.client, earlier(redis_harness)
    for job_id, owner in [("a1", "ada"), ("a2", "ada"), ("a3", "ada"), ("b1", "bob")]:
        await former.create(replace(NEW_JOB, id=job_id, owner=owner))
    await redis_harness.store.create(replace(NEW_JOB, id="c1", owner="cem"))
    await redis_harness.store.create(replace(NEW_JOB, id="b0", owner="bob"))

    moved = await move_jobs(client, QUEUE)

    assert moved == 4
    assert await client.exists(FORMER_QUEUE) == 0
    assert [job_id for job_id, *_ in await claim(client, QUEUE)] == ["c1", "b0", "a1", "b1", "a2", "a3"]


async def test_a_moved_job_wakes_a_worker(redis_harness: RedisJobStoreHarness) -> None:
    await earlier(redis_harness).create(NEW_JOB)

    await move_jobs(redis_harness.client, QUEUE)

    assert await redis_harness.client.llen(f"{QUEUE}:bell") == 1  # type: ignore[misc]  # one type for both clients


async def test_a_job_that_an_earlier_worker_runs_stays_until_it_is_acknowledged(
    redis_harness: RedisJobStoreHarness,
) -> None:
    client = redis_harness.client
    await earlier(redis_harness).create(NEW_JOB)
    ((job_id, token, _),) = await claim(client, FORMER_QUEUE)

    assert await move_jobs(client, QUEUE) == 0
    assert await acknowledge(client, FORMER_QUEUE, "finish", job_id, token)
    assert await client.exists(FORMER_QUEUE, QUEUE) == 0


async def test_a_job_that_an_earlier_worker_gives_back_is_moved(redis_harness: RedisJobStoreHarness) -> None:
    client = redis_harness.client
    await earlier(redis_harness).create(NEW_JOB)
    ((job_id, token, _),) = await claim(client, FORMER_QUEUE)
    await acknowledge(client, FORMER_QUEUE, "release", job_id, token)

    assert await move_jobs(client, QUEUE) == 1
    assert [claimed for claimed, *_ in await claim(client, QUEUE)] == [job_id]


async def test_a_job_of_an_earlier_worker_that_died_is_moved_when_its_lease_has_ended(
    redis_harness: RedisJobStoreHarness,
) -> None:
    client = redis_harness.client
    await earlier(redis_harness).create(NEW_JOB)
    ((job_id, token, _),) = await claim(client, FORMER_QUEUE, lease_ms=20)

    await eventually(lambda: move_jobs(client, QUEUE))

    # Its time may be one millisecond later than the end of its lease.
    await eventually(lambda: claim(client, QUEUE))
    assert not await acknowledge(client, FORMER_QUEUE, "finish", job_id, token)  # it was not dead, but too late
    assert await members(client, QUEUE) == [job_id]


async def test_a_job_that_waits_for_a_time_keeps_it(redis_harness: RedisJobStoreHarness) -> None:
    client = redis_harness.client
    await earlier(redis_harness).create(NEW_JOB)
    due = await milliseconds(client, timedelta(hours=1))
    await client.zadd(FORMER_QUEUE, {NEW_JOB.id: due})

    assert await move_jobs(client, QUEUE) == 1
    assert await client.zrange(QUEUE, 0, -1, withscores=True) == [(NEW_JOB.id.encode(), due)]


@pytest.mark.parametrize("entries_per_call", [1, 7, 100])
async def test_jobs_of_other_programs_are_not_touched(
    redis_harness: RedisJobStoreHarness, entries_per_call: int
) -> None:
    client, former = redis_harness.client, earlier(redis_harness)
    now = await milliseconds(client, timedelta(0))
    theirs: dict[str, int] = {f"theirs-{at}": now + at for at in range(-15, 15)}
    await client.zadd(FORMER_QUEUE, theirs)
    for job_id in theirs:
        await client.set(f"arq:job:{job_id}", b"theirs", ex=60)
    ours = [f"ours-{at}" for at in range(20)]
    for at, job_id in enumerate(ours):
        await former.create(replace(NEW_JOB, id=job_id))
        if at % 2:
            await client.zadd(FORMER_QUEUE, {job_id: now + at})

    moved = await move_jobs(client, QUEUE, entries_per_call)

    assert moved == 20
    assert sorted(await members(client, QUEUE)) == sorted(ours)
    left = await client.zrange(FORMER_QUEUE, 0, -1, withscores=True)
    assert {job_id.decode(): score for job_id, score in left} == theirs
    assert [await client.get(f"arq:job:{job_id}") for job_id in theirs] == [b"theirs"] * 30


async def test_a_job_in_both_queues_is_kept_once(redis_harness: RedisJobStoreHarness) -> None:
    """A process of an earlier version may queue a job again that was moved."""
    client = redis_harness.client
    await redis_harness.store.create(NEW_JOB)
    before = await client.zrange(QUEUE, 0, -1, withscores=True)
    await client.zadd(FORMER_QUEUE, {NEW_JOB.id: 1})

    assert await move_jobs(client, QUEUE) == 1
    assert await client.exists(FORMER_QUEUE) == 0
    assert await client.zrange(QUEUE, 0, -1, withscores=True) == before


async def test_a_cancelled_job_leaves_the_former_queue(redis_harness: RedisJobStoreHarness) -> None:
    await earlier(redis_harness).create(NEW_JOB)

    await redis_harness.store.move(NEW_JOB.id, CANCELLED)

    assert await redis_harness.client.exists(FORMER_QUEUE, QUEUE) == 0


async def test_a_retried_job_is_only_in_the_queue(redis_harness: RedisJobStoreHarness) -> None:
    """Also if another program took it from the former queue, or left it there."""
    await earlier(redis_harness).create(NEW_JOB)
    await redis_harness.client.hset(f"aether:job:{NEW_JOB.id}", "status", "failed")  # type: ignore[misc]  # see above

    await redis_harness.store.move(NEW_JOB.id, PENDING)

    assert await members(redis_harness.client, QUEUE) == [NEW_JOB.id]
    assert await redis_harness.client.exists(FORMER_QUEUE) == 0


async def test_a_deleted_job_leaves_no_key_of_the_former_queue(redis_harness: RedisJobStoreHarness) -> None:
    await earlier(redis_harness).create(NEW_JOB)

    await redis_harness.store.erase(NEW_JOB.id)

    left = await redis_harness.keys() - {f"{FORMER_QUEUE}:bell", f"arq:round:{FORMER_QUEUE}"}
    assert left == set()


Act = Callable[[Redis, str, bytes], Awaitable[bool]]


async def _finish(client: Redis, job_id: str, token: bytes) -> bool:
    return await acknowledge(client, FORMER_QUEUE, "finish", job_id, token)


async def _retry(client: Redis, job_id: str, token: bytes) -> bool:
    return await acknowledge(client, FORMER_QUEUE, "retry", job_id, token)


async def _heartbeat(client: Redis, job_id: str, token: bytes) -> bool:
    arguments: list[Any] = [FORMER_QUEUE, "worker", HOUR_MS, 0, 0, "", job_id, token]
    events = await SCRIPTS.extend.run(client, arguments)
    return bool(events[1:] != [b"lost"])


@pytest.mark.parametrize("act", [_finish, _retry, _heartbeat])
async def test_an_earlier_worker_has_no_part_in_a_job_that_was_cancelled_and_retried(
    redis_harness: RedisJobStoreHarness, act: Act
) -> None:
    """It looks for the job in the former queue only, and must not take it for lost by Redis."""
    client = redis_harness.client
    await earlier(redis_harness).create(NEW_JOB)
    ((job_id, token, _),) = await claim(client, FORMER_QUEUE)
    for change in (CANCELLED, PENDING):
        await redis_harness.store.move(job_id, change)

    assert not await act(client, job_id, token)
    assert await members(client, QUEUE) == [job_id]
    assert await client.exists(FORMER_QUEUE, f"arq:in-progress:{job_id}") == 0
    assert await client.exists(f"arq:job:{job_id}") == 1


async def test_a_look_costs_one_command_while_nobody_uses_the_former_queue(valkey_client: Redis) -> None:
    sent = await commands(valkey_client, move_jobs(valkey_client, QUEUE))

    sent.pop("config|resetstat")
    assert sent == {"exists": 1}


async def test_a_hundred_jobs_of_others_cost_four_commands(valkey_client: Redis) -> None:
    await valkey_client.zadd(FORMER_QUEUE, {f"theirs-{at}": at for at in range(99)})
    await move_jobs(valkey_client, QUEUE)  # from here on the server knows the script

    sent = await commands(valkey_client, move_jobs(valkey_client, QUEUE))

    sent.pop("config|resetstat")
    assert sent == {"exists": 2, "evalsha": 1, "zrange": 1}
