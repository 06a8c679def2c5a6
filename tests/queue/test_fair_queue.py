"""Owners take turns: what the scripts make of flows, without a worker."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import Redis

from aether.leased_queue import depth, enqueue, withdraw
from aether.leased_queue.keys import ROUND, TURNS
from aether.leased_queue.serializer import decode, encode
from tests.queue.behaviours import (
    Context,
    check_an_owners_single_job_waits_for_no_more_than_one_of_anothers,
    check_what_a_dead_worker_left_goes_before_all_that_waits,
    named_work,
)
from tests.queue.commands import PAYLOAD, acknowledge, claim
from tests.queue.conftest import QUEUE, Launch
from tests.queue.valkey import Valkey

HOUR_MS = 3_600_000


async def put(store: Redis, flow: str, jobs: Iterable[int] = range(1), delay_ms: int = 0) -> list[str]:
    names = [f"{flow}-{n:04}" for n in jobs]
    for name in names:
        assert await enqueue(store, QUEUE, name, PAYLOAD, delay_ms=delay_ms, flow=flow)
    return names


async def put_plainly(store: Redis, *names: str) -> None:
    """As arq's own producer does."""
    seconds, microseconds = await store.time()
    await store.mset({f"arq:job:{name}": PAYLOAD for name in names})
    await store.zadd(QUEUE, dict.fromkeys(names, seconds * 1000 + microseconds // 1000))


async def taken(store: Redis, limit: int = 1, times: int = 1, lease_ms: int = HOUR_MS) -> list[str]:
    """The jobs that one worker after another takes."""
    names: list[str] = []
    for _ in range(times):
        _, *entries = await claim(store, "w", limit=limit, lease_ms=lease_ms)
        names += [entry[0].decode() for entry in entries]
    return names


async def flows(store: Redis, times: int) -> str:
    return "".join(name[0] for name in await taken(store, times=times))


async def due_now(store: Redis, *names: str) -> None:
    """Let the time come that they wait for."""
    seconds, _ = await store.time()
    await store.zadd(QUEUE, dict.fromkeys(names, seconds * 1000 - 1), xx=True)


async def test_a_single_job_is_next_whatever_waits_of_another_owner(store: Redis) -> None:
    await put(store, "a", range(1_000))
    await taken(store, times=3)
    await put(store, "b")
    assert await taken(store, times=2) == ["b-0000", "a-0003"]


async def test_an_owner_with_some_jobs_gets_every_second_place_beside_one_with_many(store: Redis) -> None:
    await put(store, "a", range(1_000))
    await taken(store)
    await put(store, "b", range(10))
    assert await flows(store, 22) == "ba" * 10 + "aa"


async def test_owners_take_turns_and_each_ones_jobs_keep_their_order(store: Redis) -> None:
    names = [await put(store, flow, range(4)) for flow in "abc"]
    assert [name for one_of_each in zip(*names, strict=True) for name in one_of_each] == await taken(store, times=12)


async def test_within_a_round_who_came_first_goes_first(store: Redis) -> None:
    """However many come meanwhile, and whatever their ids are."""
    await put(store, "busy", range(3))
    await taken(store)
    early = [name for n in range(9, 0, -1) for name in await put(store, f"early{n}")]
    assert early[:4] == await taken(store, times=4)
    late = [name for n in range(9) for name in await put(store, f"late{n}")]
    assert [*early[4:], *late, "busy-0001"] == await taken(store, times=15)


async def test_a_first_job_waits_for_one_of_each_other_owner_at_most(store: Redis) -> None:
    for flow in "abc":
        await put(store, flow, range(10))
    await taken(store)
    await put(store, "d")
    before = (await flows(store, 10)).partition("d")[0]
    assert max(Counter(before).values()) == 1


async def test_who_was_served_in_this_round_gets_behind_who_was_not(store: Redis) -> None:
    await put(store, "a", range(2))
    await put(store, "b", range(2))
    assert await flows(store, 2) == "ab"
    await put(store, "c")
    await put(store, "a", range(2, 3))
    assert await flows(store, 4) == "caba"


async def test_a_lone_owner_has_every_place(store: Redis) -> None:
    names = await put(store, "a", range(250))
    assert names == await taken(store, limit=100, times=3)


async def test_all_that_wait_are_counted(store: Redis) -> None:
    await put(store, "a", range(30))
    await put(store, "b")
    assert await depth(store, QUEUE) == 31


async def test_what_a_dead_worker_left_goes_before_all_that_waits(client: ArqRedis, launch: Launch) -> None:
    await check_what_a_dead_worker_left_goes_before_all_that_waits(client, launch)


async def test_what_a_dead_worker_left_is_found_behind_what_plain_arq_put_there(store: Redis) -> None:
    await put(store, "a", range(5))
    left = await taken(store, lease_ms=1)
    await put_plainly(store, *(f"plain-{n}" for n in range(50)))
    await asyncio.sleep(0.01)
    await due_now(store, *left)
    assert left == await taken(store)


async def test_a_retry_that_is_due_goes_before_all_that_waits(store: Redis) -> None:
    await put(store, "a", range(20))
    _, entry = await claim(store, "w", limit=1)
    assert await acknowledge(store, "retry", "a-0000", entry[1], delay_ms=HOUR_MS) == [1]
    assert "a-0001" in await taken(store)
    await due_now(store, "a-0000")
    assert await taken(store, times=2) == ["a-0000", "a-0002"]


@pytest.mark.parametrize("verb", ["retry", "release"])
async def test_a_job_that_is_handed_back_keeps_its_place_among_others_of_its_round(store: Redis, verb: str) -> None:
    for flow in "abc":
        await put(store, flow)
    before = await store.zrange(QUEUE, 0, -1, withscores=True)
    _, *entries = await claim(store, "w", limit=2)
    for job_id, token, score, *_ in reversed(entries):
        await acknowledge(store, verb, job_id.decode(), token, score=score)
    assert before == await store.zrange(QUEUE, 0, -1, withscores=True)


async def test_what_plain_arq_puts_there_takes_turns_as_one_more_owner(store: Redis) -> None:
    await put(store, "a", range(10))
    await taken(store)
    await put_plainly(store, *(f"plain-{n}" for n in range(10)))
    assert await flows(store, 8) == "papapapa"


async def test_what_plain_arq_puts_there_is_served_in_its_order_while_nothing_else_waits(store: Redis) -> None:
    await put_plainly(store, *(f"plain-{n}" for n in range(10)))
    assert [f"plain-{n}" for n in range(10)] == await taken(store, limit=3, times=4)


async def test_what_is_put_off_stands_in_line_for_its_owner_when_it_is_due(store: Redis) -> None:
    of_ada = await put(store, "a", range(20), delay_ms=HOUR_MS)
    await due_now(store, *of_ada)
    await taken(store)
    await due_now(store, *await put(store, "b", delay_ms=HOUR_MS))
    assert "b" in await flows(store, 2)


async def test_withdrawing_all_is_as_if_nothing_had_been_asked(store: Redis) -> None:
    await put(store, "b", range(50))
    for name in await put(store, "a", range(20)):
        await withdraw(store, QUEUE, name)
    await put(store, "a")
    assert await flows(store, 2) == "ba"


async def test_withdrawing_brings_none_of_an_owners_jobs_forward(store: Redis) -> None:
    await put(store, "b", range(50))
    await put(store, "a", range(5))
    for _ in range(10):
        await withdraw(store, QUEUE, *await put(store, "a", [9]))
    await put(store, "a", [9])
    order = await taken(store, times=12)
    assert "".join(name[0] for name in order) == "ba" * 6
    assert order[-1] == "a-0009"


async def test_turns_have_a_lifetime_and_hold_only_what_waits(store: Redis) -> None:
    await put(store, "a", range(200))
    assert await store.zcard(f"{TURNS}{QUEUE}:a") == 200
    await taken(store, limit=100, times=2)
    await put(store, "a", range(200, 202))
    assert await store.zcard(f"{TURNS}{QUEUE}:a") <= 3
    assert all([await store.pttl(key) > HOUR_MS for key in (f"{TURNS}{QUEUE}:a", ROUND + QUEUE)])


async def test_turns_that_were_lost_favour_nobody_for_long(store: Redis) -> None:
    await put(store, "a", range(50))
    await taken(store, times=20)
    await store.delete(ROUND + QUEUE, f"{TURNS}{QUEUE}:a")
    await put(store, "b", range(5))
    await put(store, "c")
    assert await flows(store, 10) == "bc" + "ab" * 4


async def test_a_job_that_was_handed_back_does_not_set_the_turns_back(store: Redis) -> None:
    await put(store, "a", range(20))
    _, first = await claim(store, "w", limit=1)
    await taken(store, times=19)
    await acknowledge(store, "release", "a-0000", first[1], score=first[2])
    await taken(store)
    await put(store, "b", range(5))
    await put(store, "a", range(20, 21))
    assert await flows(store, 3) == "bba"


async def commands_of(client: Redis, waiting: int) -> dict[str, Any]:
    await client.flushall()
    await client.zadd(QUEUE, {f"{n:06}": n + 1 for n in range(waiting)})
    await put(client, "a", range(20))
    await taken(client)
    await client.config_resetstat()
    await taken(client, limit=10)
    stats = await client.info("commandstats")
    return {name: its["calls"] for name, its in stats.items()}


async def test_a_claim_costs_as_many_commands_whatever_waits(client: ArqRedis) -> None:
    assert await commands_of(client, 20) == await commands_of(client, 100_000)


async def test_an_owners_single_job_waits_for_no_more_than_one_of_anothers(client: ArqRedis, launch: Launch) -> None:
    await check_an_owners_single_job_waits_for_no_more_than_one_of_anothers(client, launch)


async def test_arqs_own_worker_serves_owners_by_turns_and_what_plain_arq_put_there(
    client: ArqRedis, valkey: Valkey
) -> None:
    order: list[str] = []

    async def work(ctx: Context) -> None:
        order.append(ctx["job_id"])

    of_ada = await put(client, "a", range(3))
    await put(client, "b")
    await put_plainly(client, "plain")
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


async def test_a_job_that_arqs_own_worker_began_is_taken_over_in_its_turn(store: Redis) -> None:
    """That worker leaves it where it stands, and its mark on it is no lease."""
    await put(store, "a", range(2))
    await store.set("arq:in-progress:a-0000", "1", px=20)
    assert await taken(store, limit=2) == ["a-0001"]
    await asyncio.sleep(0.04)
    assert await taken(store) == ["a-0000"]
