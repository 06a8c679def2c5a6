"""A job resumes where it stopped, after failures of its worker or its store."""

import asyncio
from itertools import pairwise

import pytest

from aether.domain.job import Change, Status, StepStatus
from aether.errors import ModelFailedError, ModelRefusedError
from tests.durable_harness import ID, NEW, DurableHarness, until
from tests.fakes import CrashingStore, LossyStore, ScriptedCalls

MORE_THAN_ENOUGH = 100


async def perform_until_crash(harness: DurableHarness, store: CrashingStore) -> bool:
    """Run the job on a worker that may crash; return whether it did."""
    run = asyncio.create_task(harness.worker().perform(ID))
    crash = asyncio.create_task(store.crashed.wait())
    await asyncio.wait({run, crash}, return_when=asyncio.FIRST_COMPLETED)
    for task in (run, crash):
        task.cancel()
    await asyncio.gather(run, crash, return_exceptions=True)
    return store.crashed.is_set()


def done(harness: DurableHarness) -> set[str]:
    return {step.title or step.name for step in harness.job.steps if step.status is StepStatus.DONE}


@pytest.mark.parametrize("ceiling", [100, 2, 1])
async def test_a_crash_at_any_commit_loses_no_finished_step(ceiling: int) -> None:
    for commits in range(MORE_THAN_ENOUGH):
        store = CrashingStore(commits_left=commits)
        flaky = ScriptedCalls({"b": [ModelFailedError(500), ModelFailedError(500)]})
        harness = DurableHarness(store, flaky, ceiling=ceiling)
        await store.create(NEW)

        if not await perform_until_crash(harness, store):
            break
        finished, made = done(harness), len(harness.calls.started)
        store.commits_left = None
        await harness.worker().perform(ID)

        made_again = {f"Title {name}" if len(name) == 1 else name for name in harness.calls.started[made:]}
        assert (Status.COMPLETED, set()) == (harness.job.status, finished & made_again), commits
        assert (harness.job.count(StepStatus.DONE), harness.job.progress) == (4, 1.0), commits
    assert 3 < commits < MORE_THAN_ENOUGH - 1


async def test_a_job_survives_workers_that_each_die_one_commit_later() -> None:
    """Each worker dies one commit later than the previous one."""
    store = CrashingStore()
    harness = DurableHarness(store)
    await store.create(NEW)

    for commits in range(MORE_THAN_ENOUGH):
        store.commits_left = commits
        store.crashed.clear()
        if not await perform_until_crash(harness, store):
            break

    assert (Status.COMPLETED, commits + 1) == (harness.job.status, harness.job.epoch - 1)


@pytest.mark.parametrize("lost_during", ["begin", "outline", "section"])
async def test_an_unavailable_store_is_waited_for_and_nothing_is_lost(lost_during: str) -> None:
    harness = DurableHarness(calls=ScriptedCalls(blockers={"outline": asyncio.Event(), "b": asyncio.Event()}))
    await harness.store.create(NEW)
    harness.store.is_unavailable = lost_during == "begin"
    run = asyncio.create_task(harness.worker().perform(ID))
    if lost_during == "section":
        harness.calls.blockers["outline"].set()
    if lost_during != "begin":
        await harness.calls.wait_for_start("b" if lost_during == "section" else "outline")
        harness.store.is_unavailable = True
    for event in harness.calls.blockers.values():
        event.set()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not run.done()

    harness.store.is_unavailable = False
    await run

    assert (harness.job.status, sorted(harness.calls.started)) == (Status.COMPLETED, ["a", "b", "c", "outline"])


async def test_retries_of_the_store_back_off() -> None:
    harness = DurableHarness()
    await harness.store.create(NEW)
    harness.store.is_unavailable = True
    run = asyncio.create_task(harness.worker().perform(ID))
    await until(lambda: len(harness.clock.slept) >= 7)
    harness.store.is_unavailable = False
    await run

    assert harness.clock.slept[:7] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


async def test_lost_answers_change_nothing() -> None:
    harness = DurableHarness(LossyStore(), ScriptedCalls({"b": [ModelFailedError(500)]}))

    job = await harness.perform()

    assert (job.status, job.usage.calls, len(harness.calls.started), len(job.attempts)) == (Status.COMPLETED, 5, 5, 1)
    assert len(harness.store.events[ID]) == job.version


async def test_a_worker_that_shuts_down_leaves_its_job_to_another() -> None:
    harness = DurableHarness(calls=ScriptedCalls(blockers={"b": asyncio.Event()}))
    await harness.store.create(NEW)
    run = asyncio.create_task(harness.worker().perform(ID))
    await harness.calls.wait_for_start("b")
    await until(lambda: len(done(harness)) >= 3)

    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert (harness.job.status, harness.job.attempts, harness.job.problem) == (Status.PROCESSING, (), None)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    harness.calls.blockers.clear()
    await harness.worker().perform(ID)
    assert (harness.job.status, harness.calls.started) == (Status.COMPLETED, ["outline", "a", "b", "c", "b"])


async def test_progress_never_decreases_and_is_1_only_at_the_end() -> None:
    failures: dict[str, list[Exception]] = {"a": [ModelFailedError(500)], "b": [ModelRefusedError("no")]}
    harness = DurableHarness(calls=ScriptedCalls(failures), sections=tuple("abcdefgh"), ceiling=2)
    await harness.perform()
    await harness.store.move(ID, Change(status=Status.PENDING))
    await harness.worker().perform(ID)

    progress = [job.progress for job in harness.store.history]
    assert all(earlier <= later for earlier, later in pairwise(progress)), progress
    assert [job.status for job in harness.store.history if job.progress == 1.0] == [Status.COMPLETED]
    assert len(set(progress)) > 5
