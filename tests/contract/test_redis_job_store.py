"""Job store on Redis: keys, the fence channel and outages."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from arq.jobs import Job as ArqJob
from arq.jobs import JobStatus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from aether.adapters.redis.keys import FENCES, INDEX, INDEX_SLACK_MS, PACE, PACE_MS, RECORD, SLACK_MS
from aether.domain.job import Change, Status, Step, StepStatus, Usage
from aether.errors import StoreUnavailableError
from aether.leased_queue import keys
from tests.contract.job_store_harness import (
    NEW_JOB,
    QUEUE,
    TTL,
    RedisJobStoreHarness,
    begin_job,
    job_with_status,
    load_estimate,
    load_job,
)
from tests.strategies import changes, json_values
from tests.waiting import PATIENCE_S, eventually

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

DONE = Step("outline", status=StepStatus.DONE)


async def test_arq_finds_the_created_job_queued(redis_harness: RedisJobStoreHarness) -> None:
    await redis_harness.store.create(NEW_JOB)

    assert await ArqJob(NEW_JOB.id, redis_harness.client, _queue_name=QUEUE).status() is JobStatus.queued


async def test_a_retried_job_is_queued_even_if_arq_kept_a_result_of_its_last_run(
    redis_harness: RedisJobStoreHarness,
) -> None:
    await job_with_status(redis_harness.store, Status.FAILED)
    await redis_harness.client.set(keys.RESULT + NEW_JOB.id, b"", ex=3600)

    await redis_harness.store.move(NEW_JOB.id, Change(status=Status.PENDING))

    assert await ArqJob(NEW_JOB.id, redis_harness.client, _queue_name=QUEUE).status() is JobStatus.queued


async def test_owners_take_turns_in_the_queue(redis_harness: RedisJobStoreHarness) -> None:
    """The position is that of the turn, whoever came first."""
    waiting = [("ada", "a1"), ("ada", "a2"), ("ada", "a3"), ("bob", "b1"), ("bob", "b2")]
    for owner, job_id in waiting:
        await redis_harness.store.create(replace(NEW_JOB, id=job_id, owner=owner))

    estimates = [await load_estimate(redis_harness.store, job_id, owner) for owner, job_id in waiting]
    assert [estimate.position for estimate in estimates] == [1, 3, 5, 2, 4]


async def test_a_retried_job_is_queued_after_the_owners_other_jobs(redis_harness: RedisJobStoreHarness) -> None:
    await job_with_status(redis_harness.store, Status.FAILED)
    await redis_harness.client.zrem(QUEUE, NEW_JOB.id)  # no worker is here to do so
    for owner, job_id in [(NEW_JOB.owner, "a2"), ("bob", "b1")]:
        await redis_harness.store.create(replace(NEW_JOB, id=job_id, owner=owner))

    await redis_harness.store.move(NEW_JOB.id, Change(status=Status.PENDING))

    assert (await load_estimate(redis_harness.store, NEW_JOB.id)).position == 3


async def test_a_job_that_comes_back_from_a_lost_worker_is_first(redis_harness: RedisJobStoreHarness) -> None:
    for job_id in ("a1", "a2", "back"):
        await redis_harness.store.create(replace(NEW_JOB, id=job_id))
    await redis_harness.client.zadd(QUEUE, {"back": keys.FIRST_TIMESTAMP + 1})

    estimates = [await load_estimate(redis_harness.store, job_id) for job_id in ("back", "a1", "a2")]
    assert [estimate.position for estimate in estimates] == [1, 2, 3]


async def test_erasing_leaves_no_key(redis_harness: RedisJobStoreHarness) -> None:
    job = await begin_job(redis_harness.store)
    await redis_harness.store.commit(job.id, job.epoch, job.version, Change(Status.FAILED, 2, (DONE,)))
    await redis_harness.store.move(job.id, Change(status=Status.PENDING))
    for prefix in (keys.RESULT, keys.RETRY, keys.DEAD_LETTER, keys.IN_PROGRESS):
        await redis_harness.client.set(prefix + job.id, b"", ex=3600)

    await redis_harness.store.erase(job.id)

    assert await redis_harness.keys() == set()


@pytest.mark.parametrize("status", list(Status))
async def test_every_key_of_a_job_has_a_time_to_live(redis_harness: RedisJobStoreHarness, status: Status) -> None:
    """Except the queue, which disappears with its last entry."""
    await job_with_status(redis_harness.store, status)

    lives = {key: await redis_harness.client.pttl(key) for key in await redis_harness.keys() - {QUEUE}}
    pace = lives.pop(PACE + NEW_JOB.kind, None)
    index = lives.pop(f"{INDEX}{NEW_JOB.kind}:{status}:{NEW_JOB.owner}")

    ttl_ms = TTL.total_seconds() * 1000
    slack_ms = SLACK_MS * (status is Status.PROCESSING)
    assert all(0 < life <= ttl_ms + keys.HOUR_MS for life in lives.values()), lives
    assert lives[RECORD + NEW_JOB.id] <= ttl_ms + slack_ms
    assert lives[RECORD + NEW_JOB.id] < index <= ttl_ms + INDEX_SLACK_MS
    assert (pace is not None) == (status is Status.COMPLETED)
    assert pace is None or 0 < pace <= PACE_MS


@pytest.mark.parametrize(("change", "earlier_ms"), [(Change(total=2), SLACK_MS), (Change(Status.COMPLETED), 0)])
async def test_a_commit_renews_the_time_to_live(
    redis_harness: RedisJobStoreHarness, change: Change, earlier_ms: int
) -> None:
    """While the job runs, once in a minute."""
    job = await begin_job(redis_harness.store)
    record = RECORD + job.id
    earlier = int(job.updated_at.timestamp() * 1000) - earlier_ms
    await redis_harness.client.hset(record, "updated_at", str(earlier))  # type: ignore[misc]
    await redis_harness.client.pexpire(record, 5_000)

    await redis_harness.store.commit(job.id, job.epoch, job.version, change)

    assert await redis_harness.client.pttl(record) > 5_000


async def test_a_running_job_lives_until_it_is_said_to_expire(redis_harness: RedisJobStoreHarness) -> None:
    job = await begin_job(redis_harness.store)
    await redis_harness.store.commit(job.id, job.epoch, job.version, Change(total=2))

    record = await load_job(redis_harness.store)
    seconds, _ = await redis_harness.client.time()
    assert seconds + await redis_harness.client.pttl(RECORD + job.id) / 1000 >= record.expires_at.timestamp() - 1


async def test_only_a_finished_step_clears_a_job_of_the_deaths_of_its_workers(
    redis_harness: RedisJobStoreHarness,
) -> None:
    """A step is stored as running before the call that may kill the worker, so that is no progress."""
    job = await begin_job(redis_harness.store)
    await redis_harness.client.hset(keys.CLAIM + job.id, "deaths", "1")  # type: ignore[misc]
    deaths = []
    version = job.version
    for status in (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.FAILED, StepStatus.DONE):
        change = Change(steps=(replace(DONE, status=status),), usage=Usage(1))
        version, _ = await redis_harness.store.commit(job.id, job.epoch, version, change)
        deaths.append(await redis_harness.client.hget(keys.CLAIM + job.id, "deaths"))  # type: ignore[misc]

    assert deaths == [b"1", b"1", b"1", None]


async def subscribed(client: Redis) -> None:
    while not (await client.pubsub_numsub(FENCES))[0][1]:  # noqa: ASYNC110 - the server does not announce it
        await asyncio.sleep(0.001)


@asynccontextmanager
async def received_fences(harness: RedisJobStoreHarness) -> AsyncIterator[list[tuple[str, int]]]:
    """Collect the fences from now on; at the end of the block all that were published in it have been received."""
    received: list[tuple[str, int]] = []

    async def listen() -> None:
        async for fence in harness.store.fences():
            received.append(fence)  # noqa: PERF401 - seen while it grows

    listening = asyncio.create_task(listen())
    try:
        await subscribed(harness.client)
        yield received
        # What was published before is received before.
        while (*received[-1:],) != (("end", 0),):
            assert not listening.done(), listening
            await harness.client.publish(FENCES, "end 0")
            await asyncio.sleep(0.001)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def test_takeover_cancellation_and_erasure_raise_a_fence_but_no_first_run(
    redis_harness: RedisJobStoreHarness,
) -> None:
    async with received_fences(redis_harness) as heard:
        await begin_job(redis_harness.store)
        second = await redis_harness.store.begin(NEW_JOB.id)
        assert second
        await redis_harness.store.move(NEW_JOB.id, Change(status=Status.CANCELLED))
        cancelled = await load_job(redis_harness.store)
        await redis_harness.store.erase(NEW_JOB.id)

    fences = list(dict.fromkeys(fence for fence in heard if fence[0] == NEW_JOB.id))
    assert [(NEW_JOB.id, second.epoch), (NEW_JOB.id, cancelled.epoch)] == fences[:2]
    assert [job_id for job_id, epoch in fences[2:] if epoch > 1 << 50] == [NEW_JOB.id]


async def test_the_fence_subscription_survives_silence(valkey_client: Redis, valkey_socket: Path) -> None:
    """The client's timeout is for answers; a silent channel is not broken."""
    impatient = Redis(unix_socket_path=str(valkey_socket), socket_timeout=0.5)
    async with impatient, received_fences(RedisJobStoreHarness(impatient)) as heard:
        await asyncio.sleep(1.0)
        await valkey_client.publish(FENCES, "a 7")

    assert ("a", 7) in heard


async def test_the_fence_subscription_ends_with_its_server(valkey_client: Redis, valkey_socket: Path) -> None:
    """Even if the connection appears to be open."""
    pid = (await valkey_client.info("server"))["process_id"]
    async with Redis(unix_socket_path=str(valkey_socket)) as client:
        fences = RedisJobStoreHarness(client).store.fences(silence_s=0.2)
        hearing = asyncio.ensure_future(anext(fences))
        await subscribed(valkey_client)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailableError):
                await hearing
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_server_that_became_a_replica_is_unavailable(valkey_client: Redis) -> None:
    """The old primary becomes one after a failover."""
    harness = RedisJobStoreHarness(valkey_client)
    before = await begin_job(harness.store)

    await valkey_client.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailableError):
            await harness.store.begin(NEW_JOB.id)
    finally:
        await valkey_client.replicaof("no", "one")

    assert await load_job(harness.store) == before


@pytest.mark.parametrize(
    ("option", "refusing", "serving"),
    [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")],
)
async def test_a_server_that_rejects_writes_is_unavailable_and_has_written_nothing(
    valkey_client: Redis, option: str, refusing: str, serving: str
) -> None:
    """Out of memory, or cut off from its replicas."""

    async def set_to(value: str) -> None:
        # redis-py leaves this method untyped.
        await valkey_client.execute_command("CONFIG", "SET", option, value)  # type: ignore[no-untyped-call]

    harness = RedisJobStoreHarness(valkey_client)
    before = await begin_job(harness.store)

    await set_to(refusing)
    try:
        for call in (
            harness.store.commit(NEW_JOB.id, before.epoch, before.version, Change(steps=(DONE,), usage=Usage(1))),
            harness.store.create(replace(NEW_JOB, id="other")),
            harness.store.begin(NEW_JOB.id),
        ):
            with pytest.raises(StoreUnavailableError):
                await call
    finally:
        await set_to(serving)

    assert (await load_job(harness.store), await harness.store.load("other")) == (before, None)


async def test_a_server_busy_with_a_script_is_unavailable(valkey_client: Redis, valkey_socket: Path) -> None:
    harness = RedisJobStoreHarness(valkey_client)
    await valkey_client.config_set("busy-reply-threshold", 1)
    async with Redis(unix_socket_path=str(valkey_socket)) as busy:
        # An awaitable that redis-py types as if its client were a blocking one.
        endless = asyncio.ensure_future(busy.eval("while true do end", 0))  # type: ignore[arg-type]
        await eventually(lambda: _is_busy(valkey_client))
        try:
            with pytest.raises(StoreUnavailableError):
                await harness.store.load(NEW_JOB.id)
        finally:
            await valkey_client.script_kill()
            await asyncio.gather(endless, return_exceptions=True)


async def _is_busy(client: Redis) -> bool:
    try:
        await client.get("anything")
    except ResponseError as error:
        return str(error).startswith("BUSY")
    return False


async def test_a_silent_server_is_unavailable(valkey_client: Redis, valkey_socket: Path) -> None:
    pid = (await valkey_client.info("server"))["process_id"]
    async with Redis(unix_socket_path=str(valkey_socket), socket_timeout=0.05) as impatient:
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailableError):
                await RedisJobStoreHarness(impatient).store.create(NEW_JOB)
        finally:
            os.kill(pid, signal.SIGCONT)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=changes(), owner=st.text(), request_body=json_values(), plan=st.lists(st.text(), unique=True, max_size=3))
async def test_every_field_of_a_job_comes_back_as_it_was_written(
    redis_harness: RedisJobStoreHarness, change: Change, owner: str, request_body: bytes, plan: list[str]
) -> None:
    await redis_harness.client.flushall()
    job = await begin_job(redis_harness.store, replace(NEW_JOB, owner=owner, input=request_body, plan=tuple(plan)))

    await redis_harness.store.commit(job.id, job.epoch, job.version, change)

    after = await load_job(redis_harness.store)
    assert (owner, request_body) == (after.owner, bytes(after.input))
    steps = {step.name: step for step in job.steps} | {step.name: step for step in change.steps}
    assert tuple(sorted(steps.values(), key=lambda step: step.order)) == after.steps or _shares_orders(steps)
    assert {step.name: step for step in after.steps} == steps
    assert (change.attempts, change.usage) == (after.attempts, after.usage)
    assert (change.status or job.status, change.total or 0) == (after.status, after.total)
    assert after.problem == (change.problem if change.status else None)


def _shares_orders(steps: dict[str, Step]) -> bool:
    return len({step.order for step in steps.values()}) < len(steps)


async def test_times_are_the_servers_own(redis_harness: RedisJobStoreHarness) -> None:
    seconds, microseconds = await redis_harness.client.time()
    earliest = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=microseconds // 1000)

    job = await begin_job(redis_harness.store)

    assert timedelta(0) <= job.created_at - earliest < timedelta(seconds=PATIENCE_S)


async def test_an_epoch_that_was_lost_is_not_issued_again(redis_harness: RedisJobStoreHarness) -> None:
    """Otherwise two runs would hold it, and each would take the other's commits for its own."""
    await redis_harness.store.create(NEW_JOB)
    created = await load_job(redis_harness.store)
    lost = await redis_harness.store.begin(NEW_JOB.id)
    await redis_harness.client.hset(RECORD + NEW_JOB.id, "epoch", str(created.epoch))  # type: ignore[misc]  # as redis-py types it
    await asyncio.sleep(0.005)

    begun_again = await redis_harness.store.begin(NEW_JOB.id)

    assert lost is not None
    assert begun_again is not None
    assert begun_again.epoch > lost.epoch
