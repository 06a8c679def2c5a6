import asyncio
from typing import Any

from arq.connections import ArqRedis
from redis.asyncio import Redis

from aether.leased_queue import enqueue, payload_for, redrive, reset_delivery_count
from aether.leased_queue.keys import CLAIM, DEAD_LETTER, JOB, WORKER_ALIVE
from tests.processes.process import Process
from tests.queue.behaviours import named_work
from tests.queue.commands import PAYLOAD, acknowledge, claim, heartbeat
from tests.queue.conftest import QUEUE, Launch, Spawn
from tests.queue.test_leases import logged
from tests.waiting import eventually

Context = dict[Any, Any]  # arq's


async def test_only_a_job_that_kills_its_workers_becomes_a_dead_letter(client: ArqRedis, spawn: Spawn) -> None:
    others = [f"other{n}" for n in range(20)]
    for job_id in others[:10]:
        await enqueue(client, QUEUE, job_id, payload_for("work", 0.3))
    await enqueue(client, QUEUE, "poison", payload_for("poison"))
    for job_id in others[10:]:
        await enqueue(client, QUEUE, job_id, payload_for("work", 0.3))
    workers: list[Process] = []

    async def is_over() -> bool:
        if not workers or not workers[-1].running:
            workers.append(spawn(lease=0.6, heartbeat_interval=0.2))
        return bool(await client.exists("dead_letters") and await client.zcard(QUEUE) == 0)

    await eventually(is_over)
    dead_letters: list[bytes] = await client.lrange("dead_letters", 0, -1)  # type: ignore[misc]
    assert [entry.split(b":")[0] for entry in dead_letters] == [b"poison"]
    assert len(workers) == 1 + 3
    ends = {entry for entry in await logged(client) if entry.startswith("end:")}
    assert ends == {f"end:{job_id}" for job_id in others}
    assert await client.exists("arq:condemned:poison") == 1


async def test_a_quarantined_job_waits_until_it_is_alone_and_stays_alone_until_it_makes_progress(
    client: ArqRedis, launch: Launch
) -> None:
    starts: list[str] = []
    gates = {job_id: asyncio.Event() for job_id in ("busy", "quarantined", "next")}

    async def work(ctx: Context) -> None:
        starts.append(ctx["job_id"])
        await gates[ctx["job_id"]].wait()

    worker = await launch(named_work(work))
    await enqueue(client, QUEUE, "busy", payload_for("work"))
    await eventually(lambda: starts == ["busy"])
    await client.hset(CLAIM + "quarantined", mapping={"deaths": "2", "suspect": "1"})  # type: ignore[misc]
    await enqueue(client, QUEUE, "quarantined", payload_for("work"))
    await eventually(lambda: worker.counts.claimed == 2)
    await enqueue(client, QUEUE, "next", payload_for("work"))
    await asyncio.sleep(0.3)
    assert starts == ["busy"]
    gates["busy"].set()
    await eventually(lambda: starts == ["busy", "quarantined"])
    await asyncio.sleep(0.3)
    assert starts == ["busy", "quarantined"]
    await reset_delivery_count(client, "quarantined")
    await eventually(lambda: starts == ["busy", "quarantined", "next"])


async def test_the_dead_letter_hook_is_called_until_it_succeeds(client: ArqRedis, launch: Launch) -> None:
    calls: list[str] = []

    async def on_dead_letter(job_id: str, _: str) -> None:
        calls.append(job_id)
        if len(calls) == 1:
            raise ConnectionError

    async def work(_: Context) -> None:
        calls.append("ran")

    await client.hset(CLAIM + "a", "condemned", "1")  # type: ignore[misc]
    worker = await launch(named_work(work), on_dead_letter=on_dead_letter)
    await enqueue(client, QUEUE, "a", payload_for("work"))
    await eventually(lambda: worker.counts.dead_letters == 1)
    assert (calls, await client.zcard(QUEUE)) == (["a", "a"], 0)


async def lose_workers(store: Redis, deaths: int) -> None:
    """Enqueue job `a`, and let as many of its workers die."""
    await enqueue(store, QUEUE, "a", PAYLOAD)
    for _ in range(deaths):
        await claim(store, "w", lease_ms=5)
        await asyncio.sleep(0.02)


async def test_a_quarantined_job_runs_alone_and_becomes_a_dead_letter_by_another_death(store: Redis) -> None:
    await lose_workers(store, 2)
    assert (await claim(store, "w"))[1:] == []
    await store.zadd(QUEUE, {"a": 1})
    await enqueue(store, QUEUE, "b", PAYLOAD)
    _, *entries = await claim(store, "w", lease_ms=5)
    assert [(entry[0], entry[4]) for entry in entries] == [(b"a", b"alone")]
    await asyncio.sleep(0.02)
    _, *entries = await claim(store, "w")
    assert (b"a", b"dead_letter") in [(entry[0], entry[4]) for entry in entries]


async def test_a_lease_that_expires_under_a_living_worker_is_no_death(store: Redis) -> None:
    """Redis lost such a claim. Counted as deaths, a few of them would make the job a dead letter."""
    await enqueue(store, QUEUE, "a", PAYLOAD)
    run_modes = []
    for _ in range(5):
        await heartbeat(store, "w", 10_000)
        _, entry = await claim(store, "w", lease_ms=5)
        run_modes.append(entry[4])
        await asyncio.sleep(0.02)
    assert run_modes == [b"normal"] * 5


async def test_a_heartbeat_shows_that_a_worker_is_alive_for_less_than_a_lease(store: Redis) -> None:
    await heartbeat(store, "w", 4_000)
    assert 0 < await store.pttl(WORKER_ALIVE + "w") <= 3_000


async def kill_others(store: Redis, workers: int) -> None:
    """Let other workers of the queue die."""
    seconds, _ = await store.time()
    await store.zadd(f"arq:deaths:{QUEUE}", {f"other{n}": seconds * 1000 for n in range(workers)})


async def test_deaths_of_a_job_that_runs_alone_are_allowed_while_more_workers_die_without_it(store: Redis) -> None:
    await lose_workers(store, 2)
    await claim(store, "w")
    await kill_others(store, 6)
    run_modes: list[bytes] = []
    while b"dead_letter" not in run_modes:
        await store.zadd(QUEUE, {"a": 1})
        _, *entries = await claim(store, f"w{len(run_modes)}", lease_ms=5)
        run_modes += [entry[4] for entry in entries]
        await asyncio.sleep(0.02)
    assert run_modes == [b"alone"] * 6 + [b"dead_letter"]


async def test_deaths_on_another_queue_do_not_count_as_deaths_of_other_workers(store: Redis) -> None:
    for n in range(3):
        await enqueue(store, "beside", f"other{n}", PAYLOAD)
        await claim(store, f"v{n}", lease_ms=5, queue="beside")
        await asyncio.sleep(0.02)
    await claim(store, "v", queue="beside")
    await lose_workers(store, 2)
    await claim(store, "w")
    await store.zadd(QUEUE, {"a": 1})
    await claim(store, "w", lease_ms=5)
    await asyncio.sleep(0.02)
    _, *entries = await claim(store, "w")
    assert [(entry[0], entry[4]) for entry in entries] == [(b"a", b"dead_letter")]


async def test_a_job_is_quarantined_later_while_most_workers_die_without_it(store: Redis) -> None:
    await kill_others(store, 9)
    await enqueue(store, QUEUE, "a", PAYLOAD)
    run_modes = []
    for _ in range(5):
        _, entry = await claim(store, "w", lease_ms=5)
        run_modes.append(entry[4])
        await asyncio.sleep(0.02)
    assert run_modes == [b"normal"] * 5
    assert (await claim(store, "w"))[1:] == []
    await store.zadd(QUEUE, {"a": 1})
    assert (await claim(store, "w"))[1][4] == b"alone"


async def test_progress_ends_quarantine(store: Redis) -> None:
    await lose_workers(store, 2)
    await claim(store, "w")
    await reset_delivery_count(store, "a")
    await store.zadd(QUEUE, {"a": 1})
    assert (await claim(store, "w"))[1][4] == b"normal"


async def test_a_dead_letter_is_kept_for_redrive(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, entry) = await claim(store, "w")
    assert await acknowledge(store, "dead_letter", "a", entry[1]) == [1]
    assert await store.get(DEAD_LETTER + "a") == PAYLOAD
    assert await redrive(store, QUEUE, "a")
    assert not await redrive(store, QUEUE, "a")
    assert await store.exists(JOB + "a", CLAIM + "a", DEAD_LETTER + "a") == 1
