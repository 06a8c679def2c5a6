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
from tests.durable_harness import ID, NEW, DurableHarness, until
from tests.fakes import MemoryJobStore, ScriptedCalls
from tests.waiting import PATIENCE_S


class BreakingStore(MemoryJobStore):
    async def commit(self, *_: object) -> Committed:
        raise ZeroDivisionError


CANCELLED = Change(status=Status.CANCELLED)


def held(*names: str) -> DurableHarness:
    """A harness in which these calls never end."""
    return DurableHarness(calls=ScriptedCalls(blockers={name: asyncio.Event() for name in names}))


async def start(harness: DurableHarness, worker: Runner, *calls: str) -> asyncio.Task[bool]:
    """Run the job on this worker until it makes these calls."""
    await harness.store.create(NEW)
    run = asyncio.create_task(worker.perform(ID))
    await harness.calls.wait_for_start(*calls)
    for _ in range(20):
        await asyncio.sleep(0)
    return run


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_a_fence_aborts_the_calls_of_a_run_at_once() -> None:
    harness = held("b", "c")
    worker = harness.worker()
    run = await start(harness, worker, "b", "c")
    await harness.store.move(ID, CANCELLED)
    cancelled = harness.job

    worker.fence(ID, cancelled.epoch)

    assert await run
    assert (["outline", "a"], cancelled, set()) == (harness.calls.ended, harness.job, others())
    assert {StepStatus.DONE} == {step.status for step in harness.job.steps if step.title in (None, "Title a")}


@pytest.mark.parametrize(("job_id", "behind"), [(ID, 0), ("another", -1)])
async def test_a_fence_for_another_job_or_epoch_is_ignored(job_id: str, behind: int) -> None:
    harness = held("b")
    worker = harness.worker()
    run = await start(harness, worker, "b")

    worker.fence(job_id, harness.job.epoch - behind)
    harness.calls.blockers["b"].set()
    await run

    assert Status.COMPLETED is harness.job.status


async def test_a_fenced_run_stops_at_its_next_commit_and_writes_nothing() -> None:
    """The worker got no fence; one call of the run ends, another does not."""
    harness = held("a", "b", "c")
    worker = harness.worker()
    run = await start(harness, worker, "a", "b", "c")
    await harness.store.move(ID, CANCELLED)
    cancelled = harness.job

    harness.calls.blockers["a"].set()
    await run

    assert (cancelled, ["outline", "a"], set()) == (harness.job, harness.calls.ended, others())


async def test_a_run_fenced_before_its_first_call_aborts_the_call() -> None:
    """The fence may arrive before the worker has registered the run; then the first commit fails."""
    harness = held("outline")
    worker = harness.worker()
    await harness.store.create(NEW)
    run = asyncio.create_task(worker.perform(ID))
    await until(lambda: harness.job.status is Status.PROCESSING)
    await harness.store.move(ID, CANCELLED)

    async with asyncio.timeout(PATIENCE_S):
        await run

    assert ([], set()) == (harness.calls.ended, others())


async def test_a_second_run_of_a_job_on_the_same_worker_ends_the_first() -> None:
    harness = held("outline")
    worker = harness.worker()
    first = await start(harness, worker, "outline")

    second = asyncio.create_task(worker.perform(ID))
    async with asyncio.timeout(PATIENCE_S):
        assert not await first
    harness.calls.blockers["outline"].set()

    assert await second
    assert (harness.job.status, harness.calls.started.count("outline")) == (Status.COMPLETED, 2)


async def test_an_erased_job_ends_its_run() -> None:
    harness = held("b")
    worker = harness.worker()
    run = await start(harness, worker, "b")
    await harness.store.erase(ID)

    worker.fence(ID, 1 << 53)

    assert await run
    assert (None, set()) == (await harness.store.load(ID), others())


async def test_an_unexpected_error_fails_the_job_and_reveals_nothing() -> None:
    secret = "sk-secret at /srv/aether/engine.py"
    harness = DurableHarness(calls=ScriptedCalls({"b": [ValueError(secret)]}))

    with capture_logs() as logs:
        job = await harness.perform()

    assert (job.status, job.problem) == (
        Status.FAILED,
        Problem("internal-error", "Aether failed; its log says why."),
    )
    assert secret not in repr(job)
    (crash,) = (entry for entry in logs if entry["event"] == "job.crashed")
    assert crash["exc_info"]


async def test_an_unreadable_input_fails_the_job() -> None:
    harness = DurableHarness()
    await harness.store.create(type(NEW)(ID, Kind.REPORT, "ada", b"[]"))

    await harness.worker().perform(ID)

    assert harness.job.problem
    assert harness.job.problem.type == "internal-error"


async def test_a_job_without_a_recipe_is_left_to_a_newer_worker() -> None:
    """During a rolling deployment, an old worker may get a job that only a new one can run."""
    harness = DurableHarness()
    await harness.store.create(NEW)
    before = harness.job

    with pytest.raises(UnsupportedRecordError):
        await Runner(
            harness.store, {}, RunDependencies(harness.policy, ConcurrencyLimiter(1, harness.clock), harness.clock)
        ).perform(ID)
    assert (harness.job, harness.store.queue) == (before, [ID])

    assert await harness.worker().perform(ID)
    assert Status.COMPLETED is harness.job.status


async def test_a_job_with_an_unknown_status_does_not_count_as_ended() -> None:
    """The queue entry belongs to a worker that knows the status."""
    harness = held("b")
    worker = harness.worker()
    run = await start(harness, worker, "b")
    paused = harness.store.jobs[ID] = replace(harness.job, status=Status("paused"), epoch=harness.job.epoch + 1)

    worker.fence(ID, paused.epoch)

    assert not await run
    assert harness.job == paused


async def test_an_error_of_the_store_does_not_count_as_the_end_of_the_job() -> None:
    harness = DurableHarness(BreakingStore())

    with pytest.raises(ZeroDivisionError):
        await harness.perform()
    assert Status.PROCESSING is harness.job.status


async def test_a_call_that_cancels_itself_fails_the_job() -> None:
    """A library that leaks a cancellation must not leave a job without a worker."""
    harness = DurableHarness()

    async def cancels(_run: Run, _request: object) -> None:
        raise asyncio.CancelledError

    await harness.perform(cancels)

    assert Status.FAILED is harness.job.status


async def test_a_job_queued_beyond_its_deadline_fails_without_a_call() -> None:
    harness = DurableHarness(job_timeout=60.0)
    await harness.store.create(NEW)
    harness.clock.seconds += 61

    await harness.worker().perform(ID)

    assert (harness.job.problem and harness.job.problem.type, Status.FAILED, []) == (
        "deadline-exceeded",
        harness.job.status,
        harness.calls.ended,
    )


async def test_a_retry_restarts_the_deadline() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"outline": [ModelFailedError(500)]}), job_timeout=60.0)
    await harness.store.create(NEW)
    harness.clock.seconds += timedelta(days=1).total_seconds()
    await harness.worker().perform(ID)

    await harness.store.move(ID, Change(status=Status.PENDING))
    await harness.worker().perform(ID)

    assert Status.COMPLETED is harness.job.status


async def test_the_end_of_a_job_is_logged_only_if_it_was_committed() -> None:
    harness = held("outline")
    worker = harness.worker(harness.one_step)
    with capture_logs() as logs:
        run = await start(harness, worker, "outline")
        harness.calls.blockers["outline"].set()
        await until(lambda: [step.status for step in harness.job.steps] == [StepStatus.DONE])
        await harness.store.move(ID, CANCELLED)
        await run

    assert Status.CANCELLED is harness.job.status
    assert {"step.finished", "job.fenced"} == {entry["event"] for entry in logs}
