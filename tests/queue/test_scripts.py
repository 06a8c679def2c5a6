import asyncio

from arq.jobs import Job, JobStatus
from arq.worker import JobExecutionFailed
from redis.asyncio import Redis

from aether.leased_queue import depth, enqueue, lua_source, redrive, vindicate, withdraw
from aether.leased_queue.keys import ALIVE, CONDEMNED, JOB, NOTE
from aether.leased_queue.scripts import Script
from aether.leased_queue.serializer import decode, encode
from tests.queue.commands import PAYLOAD, beat, claim, settle
from tests.queue.conftest import QUEUE


async def test_a_job_is_queued_once(store: Redis) -> None:
    assert await enqueue(store, QUEUE, "a", PAYLOAD)
    assert not await enqueue(store, QUEUE, "a", b"other")
    assert await store.get("arq:job:a") == PAYLOAD
    assert await Job("a", store).status() is JobStatus.queued


async def test_a_job_is_put_off_by_the_servers_time(store: Redis) -> None:
    seconds, _ = await store.time()
    await enqueue(store, QUEUE, "a", PAYLOAD, delay_ms=60_000)
    assert abs((await store.zscore(QUEUE, "a") or 0) - (seconds + 60) * 1000) < 2000


async def test_depth_counts_neither_deferred_nor_running_jobs(store: Redis) -> None:
    for job_id in "abc":
        await enqueue(store, QUEUE, job_id, PAYLOAD)
    await enqueue(store, QUEUE, "later", PAYLOAD, delay_ms=60_000)
    assert await depth(store, QUEUE) == 3
    await claim(store, "w", room=1, lease_ms=5000)
    assert await depth(store, QUEUE) == 2
    assert await Job("a", store).status() is JobStatus.in_progress
    assert await Job("later", store).status() is JobStatus.deferred


async def test_a_withdrawn_job_leaves_no_key_but_the_sign_for_its_holder_and_whose_turn_it_is(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD, flow="ada")
    (_, entry) = await claim(store, "w")
    assert await withdraw(store, QUEUE, "a")
    assert not await withdraw(store, QUEUE, "a")
    whose = [b"arq:round:arq:queue", b"arq:turns:arq:queue:ada"]
    assert sorted(await store.keys()) == [b"arq:fence", b"arq:gone:a", b"arq:queue:bell", *whose]
    assert await settle(store, "finish", "a", entry[1]) == [0]


async def test_who_held_a_job_before_it_was_queued_again_does_not_write_it_back_once_it_is_done(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, held) = await claim(store, "w")
    for _ in range(2):
        await withdraw(store, QUEUE, "a")
        await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, again) = await claim(store, "v")
    await settle(store, "finish", "a", again[1])
    assert await settle(store, "restore", "a", held[1]) == [0]
    assert not await store.exists("arq:job:a")


async def test_an_error_that_a_job_raised_is_kept_as_its_text() -> None:
    assert decode(encode({"r": JobExecutionFailed("job expired")})) == {"r": "JobExecutionFailed('job expired')"}


async def test_every_key_but_the_queue_has_a_lifetime(store: Redis) -> None:
    for job_id in "abc":
        await enqueue(store, QUEUE, job_id, PAYLOAD, flow="ada")
    _, first, second, _ = await claim(store, "w")
    await settle(store, "retry", "a", first[1], delay_ms=60_000)
    await settle(store, "condemn", "b", second[1])
    assert [key for key in await store.keys() if await store.ttl(key) < 0] == [QUEUE.encode()]


async def test_tokens_grow_even_if_the_counter_is_lost(store: Redis) -> None:
    tokens = []
    for job_id in "ab":
        await enqueue(store, QUEUE, job_id, PAYLOAD)
        (_, entry) = await claim(store, "w")
        tokens.append(int(entry[1].split(b":")[0]))
        await store.delete("arq:fence")
        await asyncio.sleep(0.002)  # a new counter begins at the server's millisecond
    assert tokens[0] < tokens[1]


async def test_a_worker_that_just_arrived_lets_others_renew_first(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    await claim(store, "early", lease_ms=5)
    await asyncio.sleep(0.02)
    assert await claim(store, "late", may_take_over=False) == [50]
    await asyncio.sleep(0.07)
    (_, entry) = await claim(store, "late")
    assert entry[1].endswith(b":late")


async def suspect(store: Redis, deaths: int) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    for _ in range(deaths):
        await claim(store, "w", lease_ms=5)
        await asyncio.sleep(0.02)


async def test_a_suspect_runs_alone_and_is_condemned_by_another_death(store: Redis) -> None:
    await suspect(store, 2)
    assert (await claim(store, "w"))[1:] == []
    await store.zadd(QUEUE, {"a": 1})
    await enqueue(store, QUEUE, "b", PAYLOAD)
    _, *entries = await claim(store, "w", lease_ms=5)
    assert [(entry[0], entry[4]) for entry in entries] == [(b"a", b"alone")]
    await asyncio.sleep(0.02)
    _, *entries = await claim(store, "w")
    assert (b"a", b"condemned") in [(entry[0], entry[4]) for entry in entries]


async def test_a_holder_that_is_alive_has_not_died_of_its_job(store: Redis) -> None:
    """Such a claim was lost with what Redis lost; counted as deaths, a few of them would condemn the job."""
    await enqueue(store, QUEUE, "a", PAYLOAD)
    manners = []
    for _ in range(5):
        await beat(store, "w", 10_000)
        _, entry = await claim(store, "w", lease_ms=5)
        manners.append(entry[4])
        await asyncio.sleep(0.02)
    assert manners == [b"plain"] * 5


async def test_a_beat_tells_of_life_for_less_than_a_lease(store: Redis) -> None:
    await beat(store, "w", 4_000)
    assert 0 < await store.pttl(ALIVE + "w") <= 3_000


async def kill_others(store: Redis, workers: int) -> None:
    seconds, _ = await store.time()
    await store.zadd(f"arq:deaths:{QUEUE}", {f"other{n}": seconds * 1000 for n in range(workers)})


async def test_deaths_while_alone_are_forgiven_as_long_as_other_workers_die_too(store: Redis) -> None:
    await suspect(store, 2)
    await claim(store, "w")
    await kill_others(store, 6)
    manners: list[bytes] = []
    while b"condemned" not in manners:
        await store.zadd(QUEUE, {"a": 1})
        _, *entries = await claim(store, f"w{len(manners)}", lease_ms=5)
        manners += [entry[4] for entry in entries]
        await asyncio.sleep(0.02)
    assert manners == [b"alone"] * 6 + [b"condemned"]


async def test_what_dies_with_its_worker_on_another_queue_does_not_count_as_another_death(store: Redis) -> None:
    for n in range(3):
        await enqueue(store, "beside", f"other{n}", PAYLOAD)
        await claim(store, f"v{n}", lease_ms=5, queue="beside")
        await asyncio.sleep(0.02)
    await claim(store, "v", queue="beside")
    await suspect(store, 2)
    await claim(store, "w")
    await store.zadd(QUEUE, {"a": 1})
    await claim(store, "w", lease_ms=5)
    await asyncio.sleep(0.02)
    _, *entries = await claim(store, "w")
    assert [(entry[0], entry[4]) for entry in entries] == [(b"a", b"condemned")]


async def test_two_deaths_make_no_suspect_where_most_workers_died_without_the_job(store: Redis) -> None:
    await kill_others(store, 9)
    await enqueue(store, QUEUE, "a", PAYLOAD)
    manners = []
    for _ in range(5):
        _, entry = await claim(store, "w", lease_ms=5)
        manners.append(entry[4])
        await asyncio.sleep(0.02)
    assert manners == [b"plain"] * 5
    assert (await claim(store, "w"))[1:] == []
    await store.zadd(QUEUE, {"a": 1})
    assert (await claim(store, "w"))[1][4] == b"alone"


async def test_progress_clears_a_suspect(store: Redis) -> None:
    await suspect(store, 2)
    await claim(store, "w")
    await vindicate(store, "a")
    await store.zadd(QUEUE, {"a": 1})
    assert (await claim(store, "w"))[1][4] == b"plain"


async def test_a_condemned_job_is_kept_for_redrive(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, entry) = await claim(store, "w")
    assert await settle(store, "condemn", "a", entry[1]) == [1]
    assert await store.get(CONDEMNED + "a") == PAYLOAD
    assert await redrive(store, QUEUE, "a")
    assert not await redrive(store, QUEUE, "a")
    assert await store.exists(JOB + "a", NOTE + "a", CONDEMNED + "a") == 1


async def test_the_source_can_be_embedded(store: Redis) -> None:
    script = Script(lua_source() + "redis.call('SET', 'record', '1') return enqueue('q', 'x', 'p', 1000, 0) and 1 or 0")
    assert await script.run(store, []) == 1
    assert await store.mget("record", "arq:job:x") == [b"1", b"p"]
