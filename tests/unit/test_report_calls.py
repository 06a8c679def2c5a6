"""How many model calls a report takes, also when its workers die: no call whose result is stored is made again."""

import asyncio
from collections import Counter

import pytest

from aether.domain.job import Status, StepStatus
from aether.domain.report_request import Checks, ReportRequest
from aether.errors import ModelFailedError
from tests.fakes import CrashingStore
from tests.report_harness import TITLES, ReportBench, ScriptedWriter
from tests.scripted_model import expected_section

MORE_THAN_ENOUGH = 100
REQUEST = ReportRequest(
    topic="Rome", checks=Checks.REWRITE, summary=True, conclusion=True, key_points=True, glossary=True
)
STEPS = (
    "outline",
    "section:0",
    "section:1",
    "section:2",
    "rewrite:0",
    "rewrite:2",
    *(f"derived:{kind}" for kind in REQUEST.derived),
)
"""The steps with a model call: the first and the last section are too short."""


def writer_of() -> ScriptedWriter:
    texts = {at: expected_section("Rome", at + 1, 250) for at in range(len(TITLES))}
    faulty = {0: "It is short.", 2: "So is this."}
    return ScriptedWriter(texts=texts | faulty, rewrites={at: texts[at] for at in faulty})


async def run_until_crash(bench: ReportBench, store: CrashingStore) -> bool:
    """Run the job on a worker that may crash; return whether it did."""
    run, crash = asyncio.create_task(bench.run()), asyncio.create_task(store.crashed.wait())
    await asyncio.wait({run, crash}, return_when=asyncio.FIRST_COMPLETED)
    for task in (run, crash):
        task.cancel()
    await asyncio.gather(run, crash, return_exceptions=True)
    return store.crashed.is_set()


async def test_a_report_takes_one_call_for_each_step_that_asks_a_model() -> None:
    bench = ReportBench(writer_of(), REQUEST)
    await bench.submit()

    assert (await bench.run()).status is Status.COMPLETED
    assert bench.writer.calls == dict.fromkeys(STEPS, 1)


async def test_calls_that_fail_are_recorded() -> None:
    writer = writer_of()
    writer.failures = {1: [ModelFailedError(500), ModelFailedError(502)]}
    bench = ReportBench(writer, REQUEST)
    await bench.submit()

    job = await bench.run()
    assert (sum(writer.calls.values()), len(job.attempts)) == (len(STEPS), 2)


@pytest.mark.parametrize("at_once", [100, 1])
async def test_a_worker_that_dies_at_any_commit_repeats_no_call_that_is_finished(at_once: int) -> None:
    for commits in range(MORE_THAN_ENOUGH):
        store = CrashingStore(commits_left=commits)
        bench = ReportBench(writer_of(), REQUEST, calls=at_once, store=store)
        await bench.submit()
        if not await run_until_crash(bench, store):
            break
        stored = {step.name for step in bench.job.steps if step.status is StepStatus.DONE}
        before = Counter(bench.writer.calls)
        store.commits_left = None
        job = await bench.run()

        again = bench.writer.calls - before
        assert not stored & again.keys(), commits
        assert max(again.values(), default=1) == 1, commits
        assert (job.status, set(bench.writer.calls)) == (Status.COMPLETED, set(STEPS)), commits
    assert 4 < commits < MORE_THAN_ENOUGH - 1


async def test_workers_that_each_die_one_commit_later_make_one_report() -> None:
    store = CrashingStore()
    bench = ReportBench(writer_of(), REQUEST, store=store)
    await bench.submit()
    for commits in range(MORE_THAN_ENOUGH):
        store.commits_left = commits
        store.crashed.clear()
        if not await run_until_crash(bench, store):
            break

    assert bench.job.status is Status.COMPLETED
    assert bench.writer.calls.keys() == set(STEPS)
