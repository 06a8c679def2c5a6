import asyncio
from functools import partial

import pytest

from aether.domain.job import Change, Problem, Status, StepStatus
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.errors import ModelFailedError, ModelRefusedError
from tests.durable_harness import ID, DurableHarness, until
from tests.fakes import ScriptedCalls

RETRY = Change(status=Status.PENDING)
NO = ModelRefusedError("no")


def statuses(harness: DurableHarness) -> dict[str, str]:
    return {step.name: step.status.value for step in harness.job.steps}


async def test_steps_run_concurrently_and_their_results_come_in_order() -> None:
    held = {name: asyncio.Event() for name in "abc"}
    harness = DurableHarness(calls=ScriptedCalls(blockers=held))
    results: list[str] = []

    async def make(run: Run, request: object) -> None:
        results.extend(await harness.report(run, request))

    run = asyncio.create_task(harness.perform(make))
    await harness.calls.wait_for_start("a", "b", "c")
    for ended, name in enumerate("cba", start=2):
        held[name].set()
        await until(partial(harness.calls.has_ended, ended))
    await run

    assert (results, harness.calls.ended) == (["a", "b", "c"], ["outline", "c", "b", "a"])
    assert (harness.job.total, [step.title for step in harness.job.steps[1:]]) == (4, ["Title a", "Title b", "Title c"])


async def test_no_items_give_no_steps() -> None:
    harness = DurableHarness(sections=())

    assert ((await harness.perform()).status, harness.job.total) == (Status.COMPLETED, 1)


async def test_calls_in_progress_finish_and_are_kept_when_one_fails_for_good() -> None:
    slow = asyncio.Event()
    harness = DurableHarness(
        calls=ScriptedCalls({"a": [NO]}, blockers={"b": slow}), sections=("a", "b", "c"), ceiling=2
    )

    run = asyncio.create_task(harness.perform())
    await harness.calls.wait_for_start("a", "b")
    await until(lambda: "failed" in statuses(harness).values())
    slow.set()
    job = await run

    assert statuses(harness) == {"outline": "done", "section:0": "failed", "section:1": "done", "section:2": "pending"}
    assert harness.calls.started == ["outline", "a", "b"]
    assert job.problem == Problem("model-refused", f"Title a failed: {NO}", "section:0")


@pytest.mark.parametrize("ceiling", [1, 2, 3])
async def test_no_call_starts_after_a_permanent_failure(ceiling: int) -> None:
    """Not even in the slot that the failed call frees, while its record is not committed yet."""
    sections = tuple("abcdefghi")
    harness = DurableHarness(calls=ScriptedCalls({name: [NO] for name in "abc"}), sections=sections, ceiling=ceiling)

    await harness.perform()

    assert ["outline", *sections[:ceiling]] == harness.calls.started
    assert Status.FAILED is harness.job.status


async def test_the_first_failure_is_reported() -> None:
    harness = DurableHarness(
        calls=ScriptedCalls({"c": [NO], "a": [ModelFailedError(500)]}), policy=RetryPolicy(attempts=1)
    )
    harness.calls.blockers["a"] = asyncio.Event()

    run = asyncio.create_task(harness.perform())
    await harness.calls.wait_for_start("a", "c")
    await until(lambda: "failed" in statuses(harness).values())
    harness.calls.blockers["a"].set()
    await run

    assert harness.job.problem
    assert harness.job.problem.step == "section:2"
    assert statuses(harness) == {"outline": "done", "section:0": "failed", "section:1": "done", "section:2": "failed"}


async def test_a_sibling_with_a_transient_failure_is_not_retried_after_it() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"a": [NO], "b": [ModelFailedError(500)]}, {"b": asyncio.Event()}))

    run = asyncio.create_task(harness.perform())
    await harness.calls.wait_for_start("b")
    await until(lambda: "failed" in statuses(harness).values())
    harness.calls.blockers["b"].set()
    await run

    assert (harness.calls.started.count("b"), [a.step for a in harness.job.attempts]) == (1, ["section:0", "section:1"])


async def test_a_retry_runs_only_the_missing_steps() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"b": [NO]}))
    await harness.perform()

    await harness.store.move(ID, RETRY)
    await harness.worker().perform(ID)

    assert (harness.calls.started, harness.job.status) == (["outline", "a", "b", "c", "b"], Status.COMPLETED)
    assert {StepStatus.DONE} == {step.status for step in harness.job.steps}


async def test_no_task_is_left_running() -> None:
    harness = DurableHarness(calls=ScriptedCalls({"a": [NO], "b": [ModelFailedError(500)]}), ceiling=1)

    await harness.perform()

    assert asyncio.all_tasks() == {asyncio.current_task()}
