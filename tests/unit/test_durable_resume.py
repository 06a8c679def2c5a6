"""A job goes on where it stood, whatever happened to its worker or its store."""

import asyncio
from itertools import pairwise

import pytest

from aether.domain.job import Change, Status, StepStatus
from aether.errors import ModelFailedError, ModelRefusedError
from tests.durable_bench import ID, NEW, EngineBench, until
from tests.fakes import ForgetfulStore, MortalStore, ScriptedCalls

MORE_THAN_ENOUGH = 100


async def perform_until_death(on: EngineBench, store: MortalStore) -> bool:
    """Run the job on a worker that may die; return whether it did."""
    performing = asyncio.create_task(on.worker().perform(ID))
    dying = asyncio.create_task(store.died.wait())
    await asyncio.wait({performing, dying}, return_when=asyncio.FIRST_COMPLETED)
    for task in (performing, dying):
        task.cancel()
    await asyncio.gather(performing, dying, return_exceptions=True)
    return store.died.is_set()


def done(on: EngineBench) -> set[str]:
    return {step.title or step.name for step in on.job.steps if step.status is StepStatus.DONE}


@pytest.mark.parametrize("ceiling", [100, 2, 1])
async def test_a_crash_at_any_commit_costs_no_finished_step(ceiling: int) -> None:
    for commits in range(MORE_THAN_ENOUGH):
        store = MortalStore(commits_left=commits)
        flaky = ScriptedCalls({"b": [ModelFailedError(500), ModelFailedError(500)]})
        on = EngineBench(store, flaky, ceiling=ceiling)
        await store.create(NEW)

        if not await perform_until_death(on, store):
            break
        kept, made = done(on), len(on.calls.made)
        store.commits_left = None
        await on.worker().perform(ID)

        made_again = {f"Title {name}" if len(name) == 1 else name for name in on.calls.made[made:]}
        assert (Status.COMPLETED, set()) == (on.job.status, kept & made_again), commits
        assert (on.job.count(StepStatus.DONE), on.job.progress) == (4, 1.0), commits
    assert 5 < commits < MORE_THAN_ENOUGH - 1


async def test_a_job_survives_the_death_of_every_worker_that_gets_one_commit_further() -> None:
    """The second worker goes on after one commit more than the first, and so on."""
    store = MortalStore()
    on = EngineBench(store)
    await store.create(NEW)

    for commits in range(MORE_THAN_ENOUGH):
        store.commits_left = commits
        store.died.clear()
        if not await perform_until_death(on, store):
            break

    assert (Status.COMPLETED, commits + 1) == (on.job.status, on.job.epoch - 1)


@pytest.mark.parametrize("lost", ["begin", "outline", "section"])
async def test_a_store_that_is_away_is_waited_for_and_nothing_is_lost(lost: str) -> None:
    on = EngineBench(calls=ScriptedCalls(held={"outline": asyncio.Event(), "b": asyncio.Event()}))
    await on.store.create(NEW)
    on.store.away = lost == "begin"
    performing = asyncio.create_task(on.worker().perform(ID))
    if lost == "section":
        on.calls.held["outline"].set()
    if lost != "begin":
        await on.calls.begun("b" if lost == "section" else "outline")
        on.store.away = True
    for event in on.calls.held.values():
        event.set()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not performing.done()

    on.store.away = False
    await performing

    assert (on.job.status, sorted(on.calls.made)) == (Status.COMPLETED, ["a", "b", "c", "outline"])


async def test_the_store_is_tried_again_ever_less_often() -> None:
    on = EngineBench()
    await on.store.create(NEW)
    on.store.away = True
    performing = asyncio.create_task(on.worker().perform(ID))
    await until(lambda: len(on.clock.slept) >= 7)
    on.store.away = False
    await performing

    assert on.clock.slept[:7] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


async def test_lost_answers_change_nothing() -> None:
    on = EngineBench(ForgetfulStore(), ScriptedCalls({"b": [ModelFailedError(500)]}))

    job = await on.perform()

    assert (job.status, job.usage.calls, len(on.calls.made), len(job.attempts)) == (Status.COMPLETED, 5, 5, 1)
    assert len(on.store.events[ID]) == job.version


async def test_a_worker_that_shuts_down_hands_its_job_over() -> None:
    on = EngineBench(calls=ScriptedCalls(held={"b": asyncio.Event()}))
    await on.store.create(NEW)
    performing = asyncio.create_task(on.worker().perform(ID))
    await on.calls.begun("b")
    await until(lambda: len(done(on)) >= 3)

    performing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await performing

    assert (on.job.status, on.job.attempts, on.job.problem) == (Status.PROCESSING, (), None)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    on.calls.held.clear()
    await on.worker().perform(ID)
    assert (on.job.status, on.calls.made) == (Status.COMPLETED, ["outline", "a", "b", "c", "b"])


async def test_progress_never_falls_and_is_whole_only_at_the_end() -> None:
    failures: dict[str, list[Exception]] = {"a": [ModelFailedError(500)], "b": [ModelRefusedError("no")]}
    on = EngineBench(calls=ScriptedCalls(failures), sections=tuple("abcdefgh"), ceiling=2)
    await on.perform()
    await on.store.move(ID, Change(status=Status.PENDING))
    await on.worker().perform(ID)

    progress = [job.progress for job in on.store.seen]
    assert all(earlier <= later for earlier, later in pairwise(progress)), progress
    assert [job.status for job in on.store.seen if job.progress == 1.0] == [Status.COMPLETED]
    assert len(set(progress)) > 5
