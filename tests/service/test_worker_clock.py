"""A worker whose clock is wrong, on a real store: its jobs and their times are like those of any other worker."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from aether.domain.job import Job, Kind, Limits, Status
from aether.durable.clock import SystemClock
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.errors import ModelFailedError
from tests.fakes import ScriptedCalls, ShiftedClock
from tests.service.stack import Stack
from tests.service.test_fair_turns import store_of

SHIFTS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=30), timedelta(days=-30)]


async def job_of(stack: Stack, shift: timedelta, calls: ScriptedCalls) -> Job:
    """A job with a deadline of ten minutes, run by a worker whose clock is wrong by `shift`."""

    async def make(run: Run, _request: object) -> None:
        await run.step("outline", lambda: calls("outline"), str)

    clock = ShiftedClock(SystemClock(), shift)
    dependencies = RunDependencies(RetryPolicy(base=0.01), ConcurrencyLimiter(8, clock), clock)
    new = NewJob(str(uuid4()), Kind.REPORT, "ada", b"{}", limits=Limits(seconds=600.0))
    async with store_of(stack) as store:
        await store.create(new)
        await Runner(store, {Kind.REPORT: Recipe(dict[str, str], make)}, dependencies).perform(new.id)
        job = await store.load(new.id)
        await store.erase(new.id)
    assert job is not None
    return job


def redis_time(stack: Stack) -> datetime:
    seconds, microseconds = stack.valkey.client.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
async def test_a_job_completes_and_its_times_are_those_of_the_store(bare: Stack, shift: timedelta) -> None:
    began = redis_time(bare) - timedelta(milliseconds=1)

    job = await job_of(bare, shift, ScriptedCalls({"outline": [ModelFailedError(500)]}))

    [step], [attempt] = job.steps, job.attempts
    assert job.status is Status.COMPLETED
    times = (step.started_at, attempt.at, attempt.next_retry_at, step.finished_at, redis_time(bare))
    assert began <= min(time for time in times if time)
    assert list(times) == sorted(time for time in times if time)
