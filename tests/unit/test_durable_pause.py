"""A paused model: its jobs give their places to others, and go on where they stopped."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from aether.domain.job import Status, StepStatus
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Runner
from aether.errors import ModelFailedError, ModelOverloadedError, ModelPausedError, ModelUnreachableError
from tests.durable_harness import ID, NEW, DurableHarness, until
from tests.fakes import HeldClock, ScriptedCalls


def overloaded(pause: float, times: int = 1) -> list[Exception]:
    return [ModelOverloadedError(429, pause) for _ in range(times)]


def harness_with(policy: RetryPolicy | None = None, **failures: list[Exception]) -> DurableHarness:
    return DurableHarness(calls=ScriptedCalls(failures), max_pause=10.0, policy=policy or RetryPolicy())


async def paused(worker: Runner) -> float:
    """Return the seconds after which the worker wants to continue the job."""
    with pytest.raises(ModelPausedError) as pause:
        await worker.perform(ID)
    return pause.value.seconds


@pytest.mark.parametrize("pause", [11.0, 60.0, 599.0])
async def test_a_job_whose_model_is_paused_ends_its_run_and_goes_on_later(pause: float) -> None:
    harness = harness_with(outline=overloaded(pause))
    worker = harness.worker()
    await harness.store.create(NEW)

    assert await paused(worker) == pause
    assert (harness.job.status, harness.clock.slept) == (Status.PROCESSING, [])
    [attempt], [step] = harness.job.attempts, harness.job.steps
    assert (step.status, attempt.next_retry_at is not None) == (StepStatus.PENDING, True)

    harness.clock.seconds += pause
    assert await worker.perform(ID)
    assert (harness.job.status, harness.calls.started[:2]) == (Status.COMPLETED, ["outline", "outline"])


async def test_a_short_pause_is_waited_for() -> None:
    harness = harness_with(outline=overloaded(10.0))

    job = await harness.perform()

    assert (job.status, len(harness.clock.slept)) == (Status.COMPLETED, 1)


async def test_a_job_that_starts_during_a_pause_makes_no_call() -> None:
    harness = harness_with()
    limiter = ConcurrencyLimiter(8, harness.clock)
    limiter.record_overload(300.0)
    await harness.store.create(NEW)

    assert await paused(harness.worker(limiter=limiter)) == 300.0
    assert harness.calls.started == []


async def test_calls_in_progress_end_before_the_job_gives_up_its_place() -> None:
    harness = harness_with(a=overloaded(60.0))
    harness.clock = HeldClock()
    harness.calls.blockers["b"] = asyncio.Event()
    await harness.store.create(NEW)
    run = asyncio.create_task(harness.worker().perform(ID))
    await harness.calls.wait_for_start("a", "b", "c")
    await until(lambda: bool(harness.job.attempts))

    assert not run.done()
    harness.calls.blockers["b"].set()
    with pytest.raises(ModelPausedError):
        await run

    done = {step.title for step in harness.job.steps if step.status is StepStatus.DONE}
    assert done == {None, "Title b", "Title c"}


async def test_the_last_step_of_a_job_ends_it_although_the_model_is_paused() -> None:
    harness = harness_with()
    limiter = ConcurrencyLimiter(8, harness.clock)
    harness.calls.blockers["outline"] = asyncio.Event()
    await harness.store.create(NEW)
    run = asyncio.create_task(harness.worker(harness.one_step, limiter).perform(ID))
    await harness.calls.wait_for_start("outline")

    limiter.record_overload(60.0)
    harness.calls.blockers["outline"].set()

    assert await run
    assert harness.job.status is Status.COMPLETED


async def test_a_job_is_continued_at_its_deadline_at_the_latest() -> None:
    harness = harness_with(outline=overloaded(500.0))
    harness.job_timeout = 100.0
    await harness.store.create(NEW)
    harness.clock.seconds += 40

    assert await paused(harness.worker()) == 60.0


async def test_pauses_use_up_the_time_of_a_step_over_all_runs() -> None:
    harness = harness_with(outline=overloaded(60.0, times=99))
    worker = harness.worker()
    await harness.store.create(NEW)

    for _ in range(9):
        harness.clock.seconds += await paused(worker)
    await worker.perform(ID)

    assert harness.job.status is Status.FAILED
    assert harness.job.problem
    assert harness.job.problem.type == "model-overloaded"
    assert 540 <= harness.clock.seconds <= 600


async def test_attempts_are_counted_over_all_runs() -> None:
    policy = RetryPolicy(attempts=3, overload_uses_attempts=True, increasing=True)
    harness = harness_with(policy, outline=overloaded(20.0, times=99))
    worker = harness.worker()
    await harness.store.create(NEW)

    for _ in range(2):
        harness.clock.seconds += await paused(worker)
    await worker.perform(ID)

    assert [attempt.attempt for attempt in harness.job.attempts] == [1, 2, 3]
    waits = [(failed.next_retry_at - failed.at) for failed in harness.job.attempts if failed.next_retry_at]
    assert timedelta(seconds=20) <= waits[0] <= waits[1]


async def test_overload_in_earlier_runs_uses_no_attempts() -> None:
    harness = harness_with(RetryPolicy(attempts=2), outline=[*overloaded(20.0, times=4), ModelFailedError(500)])
    worker = harness.worker(harness.one_step)
    await harness.store.create(NEW)

    for _ in range(4):
        harness.clock.seconds += await paused(worker)
    await worker.perform(ID)

    assert harness.job.status is Status.COMPLETED


async def test_after_a_long_time_without_a_worker_a_step_starts_anew() -> None:
    harness = harness_with(RetryPolicy(attempts=2, total=60.0), outline=[ModelFailedError(500, 30.0)] * 2)
    harness.calls.blockers["outline"] = asyncio.Event()
    await harness.store.create(NEW)
    run = asyncio.create_task(harness.worker(harness.one_step).perform(ID))
    harness.calls.blockers["outline"].set()
    await until(lambda: bool(harness.job.attempts))
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    harness.clock.seconds += 1_000
    await harness.worker(harness.one_step).perform(ID)

    assert [attempt.next_retry_at is not None for attempt in harness.job.attempts] == [True, True]
    assert harness.job.status is Status.COMPLETED


async def test_the_pause_of_one_model_does_not_stop_jobs_of_another() -> None:
    harness = harness_with(outline=overloaded(86_400.0))
    worker = harness.worker(harness.one_step)
    await harness.store.create(NEW)
    await worker.perform(ID)
    assert harness.job.status is Status.FAILED

    other = replace(NEW, id="other")
    await harness.store.create(other)
    await harness.worker(harness.one_step).perform("other")

    assert (harness.store.jobs["other"].status, harness.clock.slept) == (Status.COMPLETED, [])


async def unanswered(harness: DurableHarness, seconds: float) -> asyncio.Task[bool]:
    """Start a run whose first call is not answered for so long."""
    harness.clock = HeldClock()
    harness.calls.blockers["outline"] = asyncio.Event()
    await harness.store.create(NEW)
    run = asyncio.create_task(harness.worker(harness.one_step).perform(ID))
    await harness.calls.wait_for_start("outline")
    harness.clock.seconds += seconds
    harness.calls.blockers["outline"].set()
    return run


SILENCE = ModelUnreachableError("it did not answer in time", timed_out=True)


async def test_a_job_whose_model_does_not_answer_gives_its_place_to_another_after_each_attempt() -> None:
    harness = harness_with(outline=[SILENCE])
    with pytest.raises(ModelPausedError) as pause:
        await (await unanswered(harness, 120.0))

    assert 0 < pause.value.seconds <= 0.25
    assert [attempt.next_retry_at is not None for attempt in harness.job.attempts] == [True]
    assert await harness.worker(harness.one_step).perform(ID)
    assert harness.job.status is Status.COMPLETED


@pytest.mark.parametrize(
    ("error", "seconds"), [(SILENCE, 5.0), (ModelUnreachableError("lost"), 120.0), (ModelFailedError(500), 120.0)]
)
async def test_after_any_other_failure_it_keeps_its_place(error: Exception, seconds: float) -> None:
    harness = harness_with(outline=[error])
    run = await unanswered(harness, seconds)
    assert isinstance(harness.clock, HeldClock)
    while not run.done():
        harness.clock.seconds += 1.0
        await asyncio.sleep(0)

    assert await run
    assert harness.job.status is Status.COMPLETED
