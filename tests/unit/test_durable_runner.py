import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from aether.domain.job import Change, Kind, Problem, Status, StepStatus
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import Committed
from aether.durable.run import Run
from aether.durable.runner import Runner
from aether.durable.step import RunDependencies
from aether.errors import ModelFailedError, UnsupportedRecordError
from tests.durable_bench import ID, NEW, EngineBench, until
from tests.fakes import MemoryJobStore, ScriptedCalls


class BreakingStore(MemoryJobStore):
    async def commit(self, *_: object) -> Committed:
        raise ZeroDivisionError


CANCELLED = Change(status=Status.CANCELLED)


def held(*names: str) -> EngineBench:
    """A bench on which these calls go on for ever."""
    return EngineBench(calls=ScriptedCalls(held={name: asyncio.Event() for name in names}))


async def started(on: EngineBench, worker: Runner, *calls: str) -> asyncio.Task[bool]:
    """The job in a run of this worker that is making these calls."""
    await on.store.create(NEW)
    performing = asyncio.create_task(worker.perform(ID))
    await on.calls.begun(*calls)
    for _ in range(20):
        await asyncio.sleep(0)
    return performing


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_a_fence_aborts_the_calls_of_the_run_at_once() -> None:
    on, worker = (bench := held("b", "c")), bench.worker()
    performing = await started(on, worker, "b", "c")
    await on.store.move(ID, CANCELLED)
    cancelled = on.job

    worker.fence(ID, cancelled.epoch)

    assert await performing
    assert (["outline", "a"], cancelled, set()) == (on.calls.ended, on.job, others())
    assert {StepStatus.DONE} == {step.status for step in on.job.steps if step.title in (None, "Title a")}


@pytest.mark.parametrize(("job_id", "behind"), [(ID, 0), ("another", -1)])
async def test_a_fence_that_is_not_meant_for_the_run_leaves_it_alone(job_id: str, behind: int) -> None:
    on, worker = (bench := held("b")), bench.worker()
    performing = await started(on, worker, "b")

    worker.fence(job_id, on.job.epoch - behind)
    on.calls.held["b"].set()
    await performing

    assert Status.COMPLETED is on.job.status


async def test_a_run_that_lost_its_job_stops_at_its_next_commit_and_writes_nothing() -> None:
    """No fence was heard; a call of the run ends, another goes on."""
    on, worker = (bench := held("a", "b", "c")), bench.worker()
    performing = await started(on, worker, "a", "b", "c")
    await on.store.move(ID, CANCELLED)
    cancelled = on.job

    on.calls.held["a"].set()
    await performing

    assert (cancelled, ["outline", "a"], set()) == (on.job, on.calls.ended, others())


async def test_a_run_that_lost_its_job_before_its_first_call_aborts_it() -> None:
    """The fence may come before this worker knows that it runs the job; the note of the first step tells it."""
    on, worker = (bench := held("outline")), bench.worker()
    await on.store.create(NEW)
    performing = asyncio.create_task(worker.perform(ID))
    await until(lambda: on.job.status is Status.PROCESSING)
    await on.store.move(ID, CANCELLED)

    async with asyncio.timeout(1):
        await performing

    assert ([], set()) == (on.calls.ended, others())


async def test_a_job_that_comes_back_to_its_worker_ends_the_run_it_still_has() -> None:
    on, worker = (bench := held("outline")), bench.worker()
    first = await started(on, worker, "outline")

    second = asyncio.create_task(worker.perform(ID))
    async with asyncio.timeout(1):
        assert not await first
    on.calls.held["outline"].set()

    assert await second
    assert (on.job.status, on.calls.made.count("outline")) == (Status.COMPLETED, 2)


async def test_an_erased_job_ends_its_run() -> None:
    on, worker = (bench := held("b")), bench.worker()
    performing = await started(on, worker, "b")
    await on.store.erase(ID)

    worker.fence(ID, 1 << 53)

    assert await performing
    assert (None, set()) == (await on.store.load(ID), others())


async def test_an_error_that_nobody_foresaw_fails_the_job_and_gives_nothing_away() -> None:
    secret = "sk-secret at /srv/aether/engine.py"
    on = EngineBench(calls=ScriptedCalls({"b": [ValueError(secret)]}))

    with capture_logs() as logs:
        job = await on.perform()

    assert (job.status, job.problem) == (
        Status.FAILED,
        Problem("internal-error", "Aether failed; its log says why."),
    )
    assert secret not in repr(job)
    (crash,) = (entry for entry in logs if entry["event"] == "job.crashed")
    assert crash["exc_info"]


async def test_an_input_that_cannot_be_read_fails_the_job() -> None:
    on = EngineBench()
    await on.store.create(type(NEW)(ID, Kind.REPORT, "ada", b"[]"))

    await on.worker().perform(ID)

    assert on.job.problem
    assert on.job.problem.type == "internal-error"


async def test_a_job_that_the_worker_has_no_recipe_for_is_left_to_a_worker_that_has() -> None:
    """While a release is rolled out, an old worker may take what only a new one can make."""
    on = EngineBench()
    await on.store.create(NEW)
    before = on.job

    with pytest.raises(UnsupportedRecordError):
        await Runner(on.store, {}, RunDependencies(on.policy, ConcurrencyLimiter(1, on.clock), on.clock)).perform(ID)
    assert (on.job, on.store.queue) == (before, [ID])

    assert await on.worker().perform(ID)
    assert Status.COMPLETED is on.job.status


async def test_a_run_whose_job_comes_to_an_unknown_status_does_not_take_it_for_ended() -> None:
    """The queue's entry belongs to whoever knows what the status means."""
    on, worker = (bench := held("b")), bench.worker()
    performing = await started(on, worker, "b")
    paused = on.store.jobs[ID] = replace(on.job, status=Status("paused"), epoch=on.job.epoch + 1)

    worker.fence(ID, paused.epoch)

    assert not await performing
    assert on.job == paused


async def test_a_store_that_breaks_is_not_taken_for_a_job_that_ended() -> None:
    on = EngineBench(BreakingStore())

    with pytest.raises(ZeroDivisionError):
        await on.perform()
    assert Status.PROCESSING is on.job.status


async def test_a_call_that_cancels_itself_is_not_taken_for_a_shutdown() -> None:
    """A library that swallows or leaks a cancellation must not leave a job that nobody runs."""
    on = EngineBench()

    async def cancels(_run: Run, _request: object) -> None:
        raise asyncio.CancelledError

    await on.perform(cancels)

    assert Status.FAILED is on.job.status


async def test_a_job_that_was_queued_too_long_ago_fails_without_a_call() -> None:
    on = EngineBench(job_timeout=60.0)
    await on.store.create(NEW)
    on.clock.seconds += 61

    await on.worker().perform(ID)

    assert (on.job.problem and on.job.problem.type, Status.FAILED, []) == (
        "deadline-exceeded",
        on.job.status,
        on.calls.ended,
    )


async def test_a_retry_gives_a_job_its_whole_time_again() -> None:
    on = EngineBench(calls=ScriptedCalls({"outline": [ModelFailedError(500)]}), job_timeout=60.0)
    await on.store.create(NEW)
    on.clock.seconds += timedelta(days=1).total_seconds()
    await on.worker().perform(ID)

    await on.store.move(ID, Change(status=Status.PENDING))
    await on.worker().perform(ID)

    assert Status.COMPLETED is on.job.status


async def test_a_job_is_said_to_have_ended_only_when_it_has() -> None:
    on, worker = (bench := held("outline")), bench.worker(bench.one_step)
    with capture_logs() as logs:
        performing = await started(on, worker, "outline")
        on.calls.held["outline"].set()
        await until(lambda: on.job.steps[0].status is StepStatus.DONE)
        await on.store.move(ID, CANCELLED)
        await performing

    assert Status.CANCELLED is on.job.status
    assert {"step.finished", "job.fenced"} == {entry["event"] for entry in logs}
