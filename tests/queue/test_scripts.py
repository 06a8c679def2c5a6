import asyncio

from arq.jobs import Job, JobStatus
from arq.worker import JobExecutionFailed
from redis.asyncio import Redis

from aether.leased_queue import depth, enqueue, lua_source, withdraw
from aether.leased_queue.scripts import Script
from aether.leased_queue.serializer import decode, encode
from tests.queue.commands import PAYLOAD, acknowledge, claim
from tests.queue.conftest import QUEUE


async def test_a_job_is_queued_once(store: Redis) -> None:
    assert await enqueue(store, QUEUE, "a", PAYLOAD)
    assert not await enqueue(store, QUEUE, "a", b"other")
    assert await store.get("arq:job:a") == PAYLOAD
    assert await Job("a", store).status() is JobStatus.queued


async def test_a_job_is_deferred_by_the_servers_time(store: Redis) -> None:
    before, _ = await store.time()
    await enqueue(store, QUEUE, "a", PAYLOAD, delay_ms=60_000)
    after, _ = await store.time()
    assert (before + 60) * 1_000 <= (await store.zscore(QUEUE, "a") or 0) <= (after + 61) * 1_000


async def test_depth_counts_neither_deferred_nor_running_jobs(store: Redis) -> None:
    for job_id in "abc":
        await enqueue(store, QUEUE, job_id, PAYLOAD)
    await enqueue(store, QUEUE, "later", PAYLOAD, delay_ms=60_000)
    assert await depth(store, QUEUE) == 3
    await claim(store, "w", limit=1, lease_ms=5000)
    assert await depth(store, QUEUE) == 2
    assert await Job("a", store).status() is JobStatus.in_progress
    assert await Job("later", store).status() is JobStatus.deferred


async def test_a_withdrawn_job_leaves_only_its_tombstone_and_the_turns_of_its_flow(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD, flow="ada")
    (_, entry) = await claim(store, "w")
    assert await withdraw(store, QUEUE, "a")
    assert not await withdraw(store, QUEUE, "a")
    assert sorted(await store.keys()) == [b"arq:fence", b"arq:gone:a", b"arq:queue:bell", b"arq:turns:arq:queue:ada"]
    assert await acknowledge(store, "finish", "a", entry[1]) == [0]


async def test_a_former_holder_does_not_restore_a_job_that_was_enqueued_again_and_has_ended(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, held) = await claim(store, "w")
    for _ in range(2):
        await withdraw(store, QUEUE, "a")
        await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, again) = await claim(store, "v")
    await acknowledge(store, "finish", "a", again[1])
    assert await acknowledge(store, "restore", "a", held[1]) == [0]
    assert not await store.exists("arq:job:a")


async def test_an_error_that_a_job_raised_is_stored_as_text() -> None:
    assert decode(encode({"r": JobExecutionFailed("job expired")})) == {"r": "JobExecutionFailed('job expired')"}


async def test_every_key_except_the_queue_has_a_time_to_live(store: Redis) -> None:
    for job_id in "abc":
        await enqueue(store, QUEUE, job_id, PAYLOAD, flow="ada")
    _, first, second, _ = await claim(store, "w")
    await acknowledge(store, "retry", "a", first[1], delay_ms=60_000)
    await acknowledge(store, "dead_letter", "b", second[1])
    assert [key for key in await store.keys() if await store.ttl(key) < 0] == [QUEUE.encode()]


async def test_a_job_that_redis_lost_is_given_back_without_a_count_of_attempts(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, entry) = await claim(store, "w")
    await store.flushall()
    assert await acknowledge(store, "release", "a", entry[1]) == [1]
    assert not await store.exists("arq:claim:a")
    (_, again) = await claim(store, "w")
    assert again[-1] == 1


async def test_tokens_grow_even_if_the_counter_is_lost(store: Redis) -> None:
    tokens = []
    for job_id in "ab":
        await enqueue(store, QUEUE, job_id, PAYLOAD)
        (_, entry) = await claim(store, "w")
        tokens.append(int(entry[1].split(b":")[0]))
        await store.delete("arq:fence")
        await asyncio.sleep(0.002)  # a new counter starts at the server's millisecond
    assert tokens[0] < tokens[1]


async def test_a_new_worker_lets_others_extend_their_leases_first(store: Redis) -> None:
    await enqueue(store, QUEUE, "a", PAYLOAD)
    await claim(store, "early", lease_ms=5)
    await asyncio.sleep(0.02)
    assert await claim(store, "late", may_take_over=False) == [50]
    await asyncio.sleep(0.07)
    (_, entry) = await claim(store, "late")
    assert entry[1].endswith(b":late")


async def test_the_source_can_be_embedded(store: Redis) -> None:
    script = Script(lua_source() + "redis.call('SET', 'record', '1') return enqueue('q', 'x', 'p', 1000, 0) and 1 or 0")
    assert await script.run(store, []) == 1
    assert await store.mget("record", "arq:job:x") == [b"1", b"p"]
