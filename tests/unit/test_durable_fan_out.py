import asyncio
from functools import partial

import pytest

from aether.domain.job import Change, Problem, Status, StepStatus
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.errors import ModelFailedError, ModelRefusedError
from tests.durable_bench import ID, EngineBench, until
from tests.fakes import ScriptedCalls

RETRY = Change(status=Status.PENDING)
NO = ModelRefusedError("no")


def statuses(on: EngineBench) -> dict[str, str]:
    return {step.name: step.status.value for step in on.job.steps}


async def test_all_run_at_once_and_their_results_come_in_order() -> None:
    held = {name: asyncio.Event() for name in "abc"}
    on = EngineBench(calls=ScriptedCalls(held=held))
    results: list[str] = []

    async def make(run: Run, request: object) -> None:
        results.extend(await on.report(run, request))

    performing = asyncio.create_task(on.perform(make))
    await on.calls.begun("a", "b", "c")
    for ended, name in enumerate("cba", start=2):
        held[name].set()
        await until(partial(on.calls.has_ended, ended))
    await performing

    assert (results, on.calls.ended) == (["a", "b", "c"], ["outline", "c", "b", "a"])
    assert (on.job.total, [step.title for step in on.job.steps[1:]]) == (4, ["Title a", "Title b", "Title c"])


async def test_no_items_make_no_steps() -> None:
    on = EngineBench(sections=())

    assert ((await on.perform()).status, on.job.total) == (Status.COMPLETED, 1)


async def test_calls_under_way_end_and_are_kept_when_one_fails_for_good() -> None:
    slow = asyncio.Event()
    on = EngineBench(calls=ScriptedCalls({"a": [NO]}, held={"b": slow}), sections=("a", "b", "c"), ceiling=2)

    performing = asyncio.create_task(on.perform())
    await on.calls.begun("a", "b")
    await until(lambda: "failed" in statuses(on).values())
    slow.set()
    job = await performing

    assert statuses(on) == {"outline": "done", "section:0": "failed", "section:1": "done", "section:2": "pending"}
    assert on.calls.made == ["outline", "a", "b"]
    assert job.problem == Problem("model-refused", f"Title a failed: {NO}", "section:0")


@pytest.mark.parametrize("ceiling", [1, 2, 3])
async def test_nothing_is_begun_after_a_failure_for_good(ceiling: int) -> None:
    """Not even in the slot that the failed call leaves, while its record is still on the way to the store."""
    sections = tuple("abcdefghi")
    on = EngineBench(calls=ScriptedCalls({name: [NO] for name in "abc"}), sections=sections, ceiling=ceiling)

    await on.perform()

    assert ["outline", *sections[:ceiling]] == on.calls.made
    assert Status.FAILED is on.job.status


async def test_the_first_failure_is_the_one_that_is_told() -> None:
    on = EngineBench(calls=ScriptedCalls({"c": [NO], "a": [ModelFailedError(500)]}), policy=RetryPolicy(attempts=1))
    on.calls.held["a"] = asyncio.Event()

    performing = asyncio.create_task(on.perform())
    await on.calls.begun("a", "c")
    await until(lambda: "failed" in statuses(on).values())
    on.calls.held["a"].set()
    await performing

    assert on.job.problem
    assert on.job.problem.step == "section:2"
    assert statuses(on) == {"outline": "done", "section:0": "failed", "section:1": "done", "section:2": "failed"}


async def test_a_sibling_that_fails_for_now_meanwhile_is_not_tried_again() -> None:
    on = EngineBench(calls=ScriptedCalls({"a": [NO], "b": [ModelFailedError(500)]}, {"b": asyncio.Event()}))

    performing = asyncio.create_task(on.perform())
    await on.calls.begun("b")
    await until(lambda: "failed" in statuses(on).values())
    on.calls.held["b"].set()
    await performing

    assert (on.calls.made.count("b"), [a.step for a in on.job.attempts]) == (1, ["section:0", "section:1"])


async def test_a_retry_writes_only_what_is_missing() -> None:
    on = EngineBench(calls=ScriptedCalls({"b": [NO]}))
    await on.perform()

    await on.store.move(ID, RETRY)
    await on.worker().perform(ID)

    assert (on.calls.made, on.job.status) == (["outline", "a", "b", "c", "b"], Status.COMPLETED)
    assert {StepStatus.DONE} == {step.status for step in on.job.steps}


async def test_nothing_is_left_running() -> None:
    on = EngineBench(calls=ScriptedCalls({"a": [NO], "b": [ModelFailedError(500)]}), ceiling=1)

    await on.perform()

    assert asyncio.all_tasks() == {asyncio.current_task()}
