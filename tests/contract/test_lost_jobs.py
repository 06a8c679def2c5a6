"""Jobs whose queue entries Redis has lost are found and queued again, once; those that are queued or run are not."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aether.adapters.redis.keys import RECORD
from aether.adapters.redis.lost_jobs import RedisLostJobs
from aether.adapters.redis.store import QueueSettings
from aether.domain.job import Change, Kind, Problem, Status
from aether.durable.ports import NewJob
from aether.leased_queue import LeasedWorker, job_function
from aether.leased_queue.keys import CLAIM, IN_PROGRESS, JOB
from aether.services.lost_job_sweeper import sweep_once
from tests.contract.job_store_harness import NEW_JOB, QUEUE, TTL, RedisJobStoreHarness, begin_job, load_job
from tests.fakes import FastClock
from tests.waiting import eventually

FAILED = Change(status=Status.FAILED, problem=Problem("model-failed", "It failed."))


@pytest.fixture
def lost(redis_harness: RedisJobStoreHarness) -> RedisLostJobs:
    return lost_on(redis_harness.client)


def lost_on(client: Redis) -> RedisLostJobs:
    return RedisLostJobs(client, QueueSettings(QUEUE, "perform", 10_000), TTL)


async def test_a_pending_job_without_an_entry_is_queued_again(
    redis_harness: RedisJobStoreHarness, lost: RedisLostJobs
) -> None:
    await redis_harness.store.create(NEW_JOB)
    before = await redis_harness.keys()
    await redis_harness.client.delete(QUEUE, JOB + NEW_JOB.id)

    assert await lost.find_lost() == {NEW_JOB.id}
    assert await lost.requeue([NEW_JOB.id]) == {NEW_JOB.id: 1}
    assert await redis_harness.queued() == {NEW_JOB.id}
    assert await redis_harness.keys() - {CLAIM + NEW_JOB.id} == before  # the flow of a new job is not stored
    assert (await lost.find_lost(), await lost.requeue([NEW_JOB.id])) == (set(), {})


async def test_a_job_whose_payload_was_evicted_is_queued_again(
    redis_harness: RedisJobStoreHarness, lost: RedisLostJobs
) -> None:
    await redis_harness.store.create(NEW_JOB)
    await redis_harness.client.delete(JOB + NEW_JOB.id)

    assert await lost.requeue(await lost.find_lost()) == {NEW_JOB.id: 1}
    assert 0 < await redis_harness.client.pttl(JOB + NEW_JOB.id) <= TTL.total_seconds() * 1000


async def test_a_running_job_that_lost_its_entry_and_its_lease_is_queued_again_and_keeps_its_steps(
    redis_harness: RedisJobStoreHarness, lost: RedisLostJobs
) -> None:
    running = await begin_job(redis_harness.store)
    await redis_harness.client.delete(QUEUE, JOB + NEW_JOB.id)

    assert await lost.requeue(await lost.find_lost()) == {NEW_JOB.id: 1}
    again = await redis_harness.store.begin(NEW_JOB.id)
    assert again is not None
    assert again.epoch > running.epoch


async def test_a_job_with_a_lease_is_left_to_its_worker(
    redis_harness: RedisJobStoreHarness, lost: RedisLostJobs
) -> None:
    await begin_job(redis_harness.store)
    await redis_harness.client.delete(QUEUE)
    await redis_harness.client.set(IN_PROGRESS + NEW_JOB.id, "1:w", px=1_000)

    assert (await lost.find_lost(), await lost.requeue([NEW_JOB.id])) == (set(), {})


@pytest.mark.parametrize("change", [FAILED, Change(status=Status.CANCELLED)])
async def test_an_ended_job_is_not_lost(
    redis_harness: RedisJobStoreHarness, lost: RedisLostJobs, change: Change
) -> None:
    await begin_job(redis_harness.store)
    await redis_harness.store.move(NEW_JOB.id, change)

    assert await lost.find_lost() == set()


async def test_a_job_of_a_newer_version_is_left_alone(redis_harness: RedisJobStoreHarness, lost: RedisLostJobs) -> None:
    await redis_harness.store.create(NEW_JOB)
    await redis_harness.client.delete(QUEUE)
    # redis-py types the answers of its two kinds of client as one.
    await redis_harness.client.hset(RECORD + NEW_JOB.id, "status", "paused")  # type: ignore[misc]

    assert (await lost.find_lost(), await lost.requeue([NEW_JOB.id])) == (set(), {})


async def test_all_of_a_thousand_are_found(redis_harness: RedisJobStoreHarness, lost: RedisLostJobs) -> None:
    ids = {f"job-{at}" for at in range(1_000)}
    for job_id in ids:
        await redis_harness.store.create(NewJob(job_id, Kind.REPORT, "ada", b"{}"))
    await redis_harness.client.delete(QUEUE)

    found = await lost.find_lost()
    requeued, again = await asyncio.gather(lost.requeue(found), lost.requeue(found))
    assert (set(found), requeued.keys() | again.keys(), requeued.keys() & again.keys()) == (ids, ids, set())
    assert await redis_harness.queued() == ids


async def test_only_one_process_sweeps_in_an_interval(redis_harness: RedisJobStoreHarness, lost: RedisLostJobs) -> None:
    minute = timedelta(minutes=1)

    assert [await lost.begin_sweep(minute), await lost_on(redis_harness.client).begin_sweep(minute)] == [True, False]


async def test_a_job_that_is_lost_again_and_again_fails_with_the_reason(
    redis_harness: RedisJobStoreHarness, lost: RedisLostJobs
) -> None:
    await redis_harness.store.create(NEW_JOB)
    for _ in range(4):
        assert (await load_job(redis_harness.store)).status is Status.PENDING
        await redis_harness.client.delete(QUEUE)
        await sweep_once(lost, redis_harness.store, FastClock())

    job = await load_job(redis_harness.store)
    assert (job.status, job.problem) == (
        Status.FAILED,
        Problem("lost", "The job store lost the job's place in the queue 4 times."),
    )
    assert await redis_harness.queued() == set()


async def test_jobs_that_workers_take_and_end_meanwhile_are_run_once(valkey_client: Redis, valkey_socket: Path) -> None:
    """Sweeps go on all the time while a worker runs jobs, and find nothing."""
    harness, lost = RedisJobStoreHarness(valkey_client), lost_on(valkey_client)
    runs: list[str] = []

    async def perform(job_id: str, _attempt: int) -> None:
        runs.append(job_id)
        job = await harness.store.begin(job_id)
        assert job is not None
        await asyncio.sleep(0.01)
        await harness.store.commit(job_id, job.epoch, job.version, FAILED)

    function = job_function("perform", perform, timeout=timedelta(minutes=1))
    pool = Redis(unix_socket_path=str(valkey_socket))
    worker = LeasedWorker([function], queue_name=QUEUE, redis_pool=pool, handle_signals=False, keep_result=0)
    working = asyncio.create_task(worker.async_run())
    ids = [f"job-{at}" for at in range(200)]
    found: set[str] = set()

    async def sweep() -> None:
        while True:
            found.update(await lost.find_lost())
            found.update(await lost.requeue(ids))

    sweeping = asyncio.create_task(sweep())
    for job_id in ids:
        await harness.store.create(NewJob(job_id, Kind.REPORT, "ada", b"{}"))
    await eventually(lambda: len(runs) >= len(ids))
    await eventually(lambda: worker.counts.finished == len(ids))
    for task in (sweeping, working):
        task.cancel()
    await asyncio.wait({sweeping, working})
    await worker.close()

    assert (sorted(runs), found) == (sorted(ids), set())
