"""Steps without a model call, and steps that may fail without failing their job."""

import asyncio
from collections.abc import Awaitable, Callable

from aether.domain.job import Change, Job, Kind, Limits, Status, StepStatus
from aether.durable.ports import Committed, NewJob
from aether.durable.run import Run
from aether.errors import AetherError, ModelFailedError, ModelRefusedError
from tests.durable_harness import ID, DurableHarness
from tests.fakes import MemoryJobStore, ScriptedCalls


def recipe(
    harness: DurableHarness, compute: Callable[[], Awaitable[str]] | None = None
) -> Callable[[Run, object], Awaitable[object]]:
    """An outline, a computed step, and two optional ones."""

    async def computed() -> str:
        return "fine"

    async def make(run: Run, _: object) -> object:
        await run.fan_out("outline", ["outline"], harness.calls, str, ["Outline"], then=("check", "last"))
        check = await run.compute("check", compute or computed, str)
        rewrites = await run.attempt_all("rewrite", {0: "A", 2: "C"}, lambda at: harness.calls("abc"[at]), str, failed)
        last = await run.step("last", lambda: harness.calls("last"), str)
        return check, rewrites, last

    return make


def failed(error: AetherError) -> str:
    return f"failed: {error}"


def results(job: Job) -> dict[str, bytes]:
    return {step.name: bytes(step.result) for step in job.steps}


async def test_a_step_that_is_computed_is_stored_with_what_follows_it() -> None:
    harness = DurableHarness()

    async def one_step(run: Run, _: object) -> object:
        await run.fan_out("outline", ["outline"], harness.calls, str, ["Outline"], then=("check",))
        return await run.compute("check", computed, str)

    async def computed() -> str:
        return "fine"

    job = await harness.perform(one_step)

    assert (job.status, results(job)["check"]) == (Status.COMPLETED, b'"fine"')
    ends = [each.status for each in harness.store.history if (step := each.step("check")) and step.finished_at]
    assert ends == [Status.COMPLETED]


async def test_a_computed_step_is_not_computed_again() -> None:
    times = 0

    async def count() -> str:
        nonlocal times
        times += 1
        return "fine"

    harness = DurableHarness(calls=ScriptedCalls({"last": [ModelRefusedError("No.")]}))
    job = await harness.perform(recipe(harness, count))
    assert (job.status, times) == (Status.FAILED, 1)

    await harness.store.move(ID, Change(status=Status.PENDING))
    await harness.worker(recipe(harness, count)).perform(ID)
    assert (harness.job.status, times) == (Status.COMPLETED, 1)


async def test_an_optional_step_that_fails_for_good_gets_another_result() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"a": [ModelRefusedError("No.")]}))

    job = await harness.perform(recipe(harness))

    assert job.status is Status.COMPLETED
    assert results(job)["rewrite:0"] == b'"failed: The model declined to answer: No."'
    assert [(attempt.step, attempt.next_retry_at) for attempt in job.attempts] == [("rewrite:0", None)]
    assert {step.status for step in job.steps} == {StepStatus.DONE}


async def test_an_optional_step_that_fails_for_now_is_tried_again() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"a": [ModelFailedError(500)]}))

    job = await harness.perform(recipe(harness))

    assert not results(job)["rewrite:0"].startswith(b'"failed')
    assert [attempt.attempt for attempt in job.attempts] == [1]


async def test_an_optional_step_takes_at_most_half_of_the_time_that_is_left() -> None:
    """The call of one step never ends; its job ends well, long before its deadline."""
    harness = DurableHarness(calls=ScriptedCalls(blockers={"a": asyncio.Event()}))
    await harness.store.create(NewJob(ID, Kind.REPORT, "ada", b"{}", limits=Limits(seconds=0.6)))

    await harness.worker(recipe(harness)).perform(ID)

    assert harness.job.status is Status.COMPLETED
    assert results(harness.job)["rewrite:0"].startswith(b'"failed: The job was not finished within 0.6 seconds')


class SlowStore(MemoryJobStore):
    """A store that takes longer for the result of an optional step than the step has left."""

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        if any(step.name.startswith("rewrite:") and step.status is StepStatus.DONE for step in change.steps):
            await asyncio.sleep(0.8)
        return await super().commit(job_id, epoch, version, change)


async def test_a_result_that_came_in_time_is_not_replaced_while_it_is_stored() -> None:
    harness = DurableHarness(store=SlowStore())

    async def make(run: Run, _: object) -> object:
        await run.fan_out("outline", ["outline"], harness.calls, str, ["Outline"])
        harness.clock.seconds += harness.job_timeout - 1  # half a second for the step
        return await run.attempt_all("rewrite", {0: "A"}, lambda _: harness.calls("a"), str, failed)

    job = await harness.perform(make)

    assert (job.status, results(job)["rewrite:0"]) == (Status.COMPLETED, b'"a"')


async def test_steps_that_are_added_to_a_complete_plan_do_not_count_for_the_progress() -> None:
    harness = DurableHarness()
    job = await harness.perform(recipe(harness))

    assert (job.total, [step.name for step in job.steps if step.is_extra]) == (3, ["rewrite:0", "rewrite:2"])
    progress = [each.progress for each in harness.store.history]
    assert progress == sorted(progress)


async def test_a_plan_that_another_version_completed_gets_no_longer() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"outline": [ModelRefusedError("No.")]}))

    async def former(run: Run, _: object) -> object:
        return await run.fan_out("outline", ["outline"], harness.calls, str, ["Outline"])

    assert (await harness.perform(former)).total == 1
    await harness.store.move(ID, Change(status=Status.PENDING))
    await harness.worker(recipe(harness)).perform(ID)

    assert (harness.job.status, harness.job.total) == (Status.COMPLETED, 1)
    progress = [each.progress for each in harness.store.history]
    assert progress == sorted(progress)
