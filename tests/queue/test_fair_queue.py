"""Fair queue: the order in which the scripts serve flows, without a worker."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import Redis

from aether.leased_queue import depth, enqueue, withdraw
from aether.leased_queue.keys import ROUND, TURNS, TURNS_KEPT
from aether.leased_queue.serializer import decode, encode
from tests.queue.behaviours import (
    Context,
    check_a_dead_workers_job_goes_before_all_waiting_jobs,
    check_a_single_job_waits_for_at_most_one_job_of_another_owner,
    named_work,
)
from tests.queue.commands import PAYLOAD, acknowledge, claim
from tests.queue.conftest import QUEUE, Launch
from tests.queue.valkey import Valkey

HOUR_MS = 3_600_000


async def enqueue_all(store: Redis, flow: str, jobs: Iterable[int] = range(1), delay_ms: int = 0) -> list[str]:
    names = [f"{flow}-{n:04}" for n in jobs]
    for name in names:
        assert await enqueue(store, QUEUE, name, PAYLOAD, delay_ms=delay_ms, flow=flow)
    return names


async def enqueue_as_arq(store: Redis, *names: str) -> None:
    """Enqueue jobs as arq's own producer does."""
    seconds, microseconds = await store.time()
    await store.mset({f"arq:job:{name}": PAYLOAD for name in names})
    await store.zadd(QUEUE, dict.fromkeys(names, seconds * 1000 + microseconds // 1000))


async def claim_jobs(store: Redis, limit: int = 1, times: int = 1, lease_ms: int = HOUR_MS) -> list[str]:
    """Return the jobs that one worker after another claims."""
    names: list[str] = []
    for _ in range(times):
        _, *entries = await claim(store, "w", limit=limit, lease_ms=lease_ms)
        names += [entry[0].decode() for entry in entries]
    return names


async def claim_flows(store: Redis, times: int) -> str:
    return "".join(name[0] for name in await claim_jobs(store, times=times))


async def due_now(store: Redis, *names: str) -> None:
    """Let the time come that these jobs wait for."""
    seconds, _ = await store.time()
    await store.zadd(QUEUE, dict.fromkeys(names, seconds * 1000 - 1), xx=True)


async def test_a_single_job_is_next_however_many_jobs_of_another_owner_wait(store: Redis) -> None:
    await enqueue_all(store, "a", range(1_000))
    await claim_jobs(store, times=3)
    await enqueue_all(store, "b")
    assert await claim_jobs(store, times=2) == ["b-0000", "a-0003"]


async def test_an_owner_with_a_few_jobs_gets_every_second_turn_beside_one_with_many(store: Redis) -> None:
    await enqueue_all(store, "a", range(1_000))
    await claim_jobs(store)
    await enqueue_all(store, "b", range(10))
    assert await claim_flows(store, 22) == "ba" * 10 + "aa"


async def test_owners_take_turns_and_the_jobs_of_each_keep_their_order(store: Redis) -> None:
    names = [await enqueue_all(store, flow, range(4)) for flow in "abc"]
    assert [name for one_of_each in zip(*names, strict=True) for name in one_of_each] == await claim_jobs(
        store, times=12
    )


async def test_within_a_round_the_first_to_come_goes_first(store: Redis) -> None:
    """However many jobs come meanwhile, and whatever their ids are."""
    await enqueue_all(store, "busy", range(3))
    await claim_jobs(store)
    early = [name for n in range(9, 0, -1) for name in await enqueue_all(store, f"early{n}")]
    assert early[:4] == await claim_jobs(store, times=4)
    late = [name for n in range(9) for name in await enqueue_all(store, f"late{n}")]
    assert [*early[4:], *late, "busy-0001"] == await claim_jobs(store, times=15)


async def test_a_first_job_waits_for_at_most_one_job_of_each_other_owner(store: Redis) -> None:
    for flow in "abc":
        await enqueue_all(store, flow, range(10))
    await claim_jobs(store)
    await enqueue_all(store, "d")
    before = (await claim_flows(store, 10)).partition("d")[0]
    assert max(Counter(before).values()) == 1


async def test_an_owner_served_in_this_round_waits_behind_owners_who_were_not(store: Redis) -> None:
    await enqueue_all(store, "a", range(2))
    await enqueue_all(store, "b", range(2))
    assert await claim_flows(store, 2) == "ab"
    await enqueue_all(store, "c")
    await enqueue_all(store, "a", range(2, 3))
    assert await claim_flows(store, 4) == "caba"


async def test_an_owner_who_is_alone_gets_every_slot(store: Redis) -> None:
    names = await enqueue_all(store, "a", range(250))
    assert names == await claim_jobs(store, limit=100, times=3)


async def test_all_waiting_jobs_are_counted(store: Redis) -> None:
    await enqueue_all(store, "a", range(30))
    await enqueue_all(store, "b")
    assert await depth(store, QUEUE) == 31


async def test_a_dead_workers_job_goes_before_all_waiting_jobs(client: ArqRedis, launch: Launch) -> None:
    await check_a_dead_workers_job_goes_before_all_waiting_jobs(client, launch)


async def test_a_dead_workers_job_is_found_behind_jobs_of_plain_arq(store: Redis) -> None:
    await enqueue_all(store, "a", range(5))
    left = await claim_jobs(store, lease_ms=1)
    await enqueue_as_arq(store, *(f"plain-{n}" for n in range(50)))
    await asyncio.sleep(0.01)
    await due_now(store, *left)
    assert left == await claim_jobs(store)


async def test_a_retry_that_is_due_goes_before_all_waiting_jobs(store: Redis) -> None:
    await enqueue_all(store, "a", range(20))
    _, entry = await claim(store, "w", limit=1)
    assert await acknowledge(store, "retry", "a-0000", entry[1], delay_ms=HOUR_MS) == [1]
    assert "a-0001" in await claim_jobs(store)
    await due_now(store, "a-0000")
    assert await claim_jobs(store, times=2) == ["a-0000", "a-0002"]


@pytest.mark.parametrize("verb", ["retry", "release"])
async def test_a_job_that_is_given_back_keeps_its_place_in_its_round(store: Redis, verb: str) -> None:
    for flow in "abc":
        await enqueue_all(store, flow)
    before = await store.zrange(QUEUE, 0, -1, withscores=True)
    _, *entries = await claim(store, "w", limit=2)
    for job_id, token, score, *_ in reversed(entries):
        await acknowledge(store, verb, job_id.decode(), token, score=score)
    assert before == await store.zrange(QUEUE, 0, -1, withscores=True)


async def test_jobs_of_plain_arq_take_turns_as_one_more_owner(store: Redis) -> None:
    await enqueue_all(store, "a", range(10))
    await claim_jobs(store)
    await enqueue_as_arq(store, *(f"plain-{n}" for n in range(10)))
    assert await claim_flows(store, 8) == "papapapa"


async def test_jobs_of_plain_arq_keep_their_order_while_no_other_job_waits(store: Redis) -> None:
    await enqueue_as_arq(store, *(f"plain-{n}" for n in range(10)))
    assert [f"plain-{n}" for n in range(10)] == await claim_jobs(store, limit=3, times=4)


async def test_a_deferred_job_gets_a_turn_of_its_owner_when_it_is_due(store: Redis) -> None:
    of_ada = await enqueue_all(store, "a", range(20), delay_ms=HOUR_MS)
    await due_now(store, *of_ada)
    await claim_jobs(store)
    await due_now(store, *await enqueue_all(store, "b", delay_ms=HOUR_MS))
    assert "b" in await claim_flows(store, 2)


async def test_withdrawing_all_jobs_frees_all_turns_of_the_owner(store: Redis) -> None:
    await enqueue_all(store, "b", range(50))
    for name in await enqueue_all(store, "a", range(20)):
        await withdraw(store, QUEUE, name)
    await enqueue_all(store, "a")
    assert await claim_flows(store, 2) == "ba"


async def test_withdrawing_a_job_moves_no_other_job_of_its_owner_forward(store: Redis) -> None:
    await enqueue_all(store, "b", range(50))
    await enqueue_all(store, "a", range(5))
    for _ in range(10):
        await withdraw(store, QUEUE, *await enqueue_all(store, "a", [9]))
    await enqueue_all(store, "a", [9])
    order = await claim_jobs(store, times=12)
    assert "".join(name[0] for name in order) == "ba" * 6
    assert order[-1] == "a-0009"


async def test_turns_have_a_time_to_live_and_hold_only_waiting_jobs(store: Redis) -> None:
    await enqueue_all(store, "a", range(200))
    assert await store.zcard(f"{TURNS}{QUEUE}:a") == 200
    await claim_jobs(store, limit=100, times=2)
    await enqueue_all(store, "a", range(200, 200 + TURNS_KEPT))
    assert await store.zcard(f"{TURNS}{QUEUE}:a") <= TURNS_KEPT + 1
    assert all([await store.pttl(key) > HOUR_MS for key in (f"{TURNS}{QUEUE}:a", ROUND + QUEUE)])


async def test_lost_turns_favour_no_owner_for_long(store: Redis) -> None:
    await enqueue_all(store, "a", range(50))
    await claim_jobs(store, times=20)
    await store.delete(ROUND + QUEUE, f"{TURNS}{QUEUE}:a")
    await enqueue_all(store, "b", range(5))
    await enqueue_all(store, "c")
    assert await claim_flows(store, 10) == "bc" + "ab" * 4


async def test_a_job_that_was_given_back_does_not_reset_the_round(store: Redis) -> None:
    await enqueue_all(store, "a", range(20))
    _, first = await claim(store, "w", limit=1)
    await claim_jobs(store, times=19)
    await acknowledge(store, "release", "a-0000", first[1], score=first[2])
    await claim_jobs(store)
    await enqueue_all(store, "b", range(5))
    await enqueue_all(store, "a", range(20, 21))
    assert await claim_flows(store, 3) == "bba"


async def commands_of(client: Redis, waiting: int) -> dict[str, Any]:
    await client.flushall()
    await client.zadd(QUEUE, {f"{n:06}": n + 1 for n in range(waiting)})
    await enqueue_all(client, "a", range(20))
    await claim_jobs(client)
    await client.config_resetstat()
    await claim_jobs(client, limit=10)
    stats = await client.info("commandstats")
    # The counter of tokens gets another lifetime now and then.
    return {name: its["calls"] for name, its in stats.items() if name != "cmdstat_pexpire"}


async def test_a_claim_sends_as_many_commands_however_many_jobs_wait(client: ArqRedis) -> None:
    assert await commands_of(client, 200) == await commands_of(client, 100_000)


async def test_a_single_job_waits_for_at_most_one_job_of_another_owner(client: ArqRedis, launch: Launch) -> None:
    await check_a_single_job_waits_for_at_most_one_job_of_another_owner(client, launch)


async def test_arqs_own_worker_serves_owners_in_turns_and_then_jobs_of_plain_arq(
    client: ArqRedis, valkey: Valkey
) -> None:
    order: list[str] = []

    async def work(ctx: Context) -> None:
        order.append(ctx["job_id"])

    of_ada = await enqueue_all(client, "a", range(3))
    await enqueue_all(client, "b")
    await enqueue_as_arq(client, "plain")
    worker = Worker(
        [named_work(work)],
        redis_settings=valkey.settings,
        job_serializer=encode,
        job_deserializer=decode,
        burst=True,
        poll_delay=0.01,
        max_jobs=1,
        keep_result=0,
        handle_signals=False,
    )
    await worker.async_run()
    await worker.close()
    assert [of_ada[0], "b-0000", *of_ada[1:], "plain"] == order


async def test_a_job_that_arqs_own_worker_started_is_taken_over_in_its_turn(store: Redis) -> None:
    """That worker leaves the job at its place, and its in-progress key is no lease."""
    await enqueue_all(store, "a", range(2))
    await store.set("arq:in-progress:a-0000", "1", px=1_000)
    assert await claim_jobs(store, limit=2) == ["a-0001"]
    await asyncio.sleep(1.01)
    assert await claim_jobs(store) == ["a-0000"]
