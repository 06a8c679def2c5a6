"""The sections of a report are checked once, and the worst of them are written again, once."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from aether.domain.job import Job, Limits, Status, StepStatus
from aether.domain.report_request import Checks, ReportRequest
from aether.domain.revision import Rewrite, Verdict
from aether.errors import AetherError, ModelFailedError, ModelRefusedError
from aether.workflows.report.record import ReportRecord
from aether.workflows.step_results import result_of
from tests.durable_harness import until
from tests.fakes import CrashingStore
from tests.report_harness import ID, TITLES, ReportBench, ScriptedWriter, finished, no_wait
from tests.scripted_model import expected_section

REQUEST = ReportRequest(topic="Rome", checks=Checks.REWRITE)
SHORT = "It is short."
TITLES_OF_6 = (*TITLES, "Law", "Trade", "Legacy")


def good(position: int) -> str:
    return expected_section("Rome", position + 1, 250)


def writer_of(
    count: int, faulty: Sequence[int], rewrites: dict[int, str | AetherError] | None = None
) -> ScriptedWriter:
    """A writer whose sections at these positions are far too short; a rewrite is good unless it is given."""
    texts = {position: SHORT if position in faulty else good(position) for position in range(count)}
    mended: dict[int, str | AetherError] = {position: good(position) for position in faulty}
    return ScriptedWriter(TITLES_OF_6[:count], texts=texts, rewrites=mended | (rewrites or {}))


def verdict_of(job: Job) -> Verdict:
    verdict = result_of(job, "check", Verdict)
    assert verdict is not None
    return verdict


def texts_of(job: Job) -> list[str]:
    return list(ReportRecord(job).report.sections.values())


async def test_a_faulty_section_is_written_again_and_its_faults_are_told_to_the_model() -> None:
    writer = writer_of(3, [1])

    job = await finished(writer, REQUEST)

    assert (job.status, texts_of(job)) == (Status.COMPLETED, [good(0), good(1), good(2)])
    assert writer.calls == {"outline": 1, "section:0": 1, "section:1": 1, "section:2": 1, "rewrite:1": 1}
    assert ["3 words" in fault for fault in writer.faults[1]] == [True]
    assert [step.name for step in job.steps][-2:] == ["check", "rewrite:1"]
    issues = [(issue.finding.code, issue.part, issue.action) for issue in ReportRecord(job).issues()]
    assert issues == [("length", "II. Republic", "rewritten")]


async def test_good_sections_cost_no_call_and_no_commit() -> None:
    commits = {}
    for checks in (Checks.OFF, Checks.REWRITE):
        store = CrashingStore(commits_left=100)
        bench = ReportBench(writer_of(3, []), ReportRequest(topic="Rome", checks=checks), store=store)
        await bench.submit()
        job = await bench.run()
        commits[checks] = store.commits_left
        assert sum(bench.writer.calls.values()) == 4
    assert commits[Checks.OFF] == commits[Checks.REWRITE]
    assert (job.count(StepStatus.DONE), job.total, len(job.steps)) == (5, 5, 5)


@pytest.mark.parametrize("checks", [Checks.OFF, Checks.REPORT])
async def test_nothing_is_written_again_unless_it_is_asked_for(checks: Checks) -> None:
    job = await finished(writer_of(3, [1]), ReportRequest(topic="Rome", checks=checks))

    assert texts_of(job) == [good(0), SHORT, good(2)]
    actions = [issue.action for issue in ReportRecord(job).issues()]
    assert actions == ([] if checks is Checks.OFF else ["reported"])


async def test_at_most_half_of_the_sections_are_written_again() -> None:
    for count, most in ((1, 1), (2, 1), (3, 2), (5, 3), (6, 3)):
        writer = writer_of(count, range(count))
        await finished(writer, REQUEST)

        assert sum(name.startswith("rewrite") for name in writer.calls) == most


async def test_a_rewrite_with_as_many_faults_is_not_kept() -> None:
    job = await finished(writer_of(3, [1], {1: "It is as short."}), REQUEST)

    assert texts_of(job)[1] == SHORT
    rewrite = result_of(job, "rewrite:1", Rewrite)
    assert rewrite is not None
    assert (rewrite.section, rewrite.weight_before) == (None, rewrite.weight_after)
    assert [issue.action for issue in ReportRecord(job).issues()] == ["reported"]


async def test_a_rewrite_that_fails_for_good_leaves_the_section_as_it_is() -> None:
    job = await finished(writer_of(3, [0, 1], {1: ModelRefusedError("No.")}), REQUEST)

    assert (job.status, job.problem) == (Status.COMPLETED, None)
    assert texts_of(job) == [good(0), SHORT, good(2)]
    assert [(attempt.step, attempt.next_retry_at) for attempt in job.attempts] == [("rewrite:1", None)]
    assert ReportRecord(job).rewrites[1].error == "The model declined to answer: No."


async def test_a_rewrite_that_fails_for_now_is_tried_again_and_given_up_in_the_end() -> None:
    job = await finished(writer_of(3, [1], {1: ModelFailedError(500)}), REQUEST)

    assert (job.status, texts_of(job)[1]) == (Status.COMPLETED, SHORT)
    assert [attempt.attempt for attempt in job.attempts] == [1, 2, 3]


@pytest.mark.parametrize(("tokens", "rewritten"), [(None, [0, 1]), (200, [0, 1]), (199, [0]), (99, [])])
async def test_only_as_much_is_written_again_as_there_are_tokens_for(tokens: int | None, rewritten: list[int]) -> None:
    writer = writer_of(3, [0, 1])
    writer.cost = 100

    job = await finished(writer, REQUEST, Limits(tokens=tokens))

    assert (job.status, sorted(writer.faults)) == (Status.COMPLETED, rewritten)
    assert job.attempts == ()


async def test_rewrites_take_no_tokens_from_what_is_derived() -> None:
    writer = writer_of(3, [0, 1])
    writer.cost = 100
    request = ReportRequest(topic="Rome", checks=Checks.REWRITE, summary=True, glossary=True)

    job = await finished(writer, request, Limits(tokens=300))

    assert (job.status, sorted(writer.faults)) == (Status.COMPLETED, [0])


async def test_the_worst_sections_are_written_again_first() -> None:
    verdict = verdict_of(await finished(writer_of(6, [4, 5, 2, 3]), REQUEST))

    assert verdict.rewrites == (2, 3, 4)


async def test_the_progress_never_falls_while_sections_are_written_again() -> None:
    bench = ReportBench(writer_of(6, [0, 1, 2]), ReportRequest(topic="Rome", checks=Checks.REWRITE, summary=True))
    await bench.submit()
    job = await bench.run()

    progress = [each.progress for each in bench.store.history]
    assert all(earlier <= later for earlier, later in pairwise(progress)), progress
    assert [each.status for each in bench.store.history if each.progress == 1.0] == [Status.COMPLETED]
    assert (job.total, len(job.steps)) == (1 + 6 + 2, 1 + 6 + 2 + 3)


async def test_a_run_that_takes_over_keeps_to_the_stored_verdict() -> None:
    stuck = asyncio.Event()

    async def get_stuck(_: int) -> None:
        stuck.set()
        await asyncio.Event().wait()

    bench = ReportBench(writer_of(3, [1]), REQUEST)
    bench.writer.before_rewrite = get_stuck
    await bench.submit()
    run = asyncio.create_task(bench.run())
    await stuck.wait()
    await until(lambda: result_of(bench.job, "check", Verdict) is not None)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    other = Verdict(verdict_of(bench.job).findings, rewrites=(2,))
    steps = [
        replace(step, result=msgspec.Raw(msgspec.json.encode(other))) if step.name == "check" else step
        for step in bench.job.steps
    ]
    bench.store.jobs[ID] = replace(bench.job, steps=tuple(steps))

    bench.writer.before_rewrite = no_wait
    bench.writer.calls.clear()
    await bench.run()
    assert bench.writer.calls == {"rewrite:2": 1}


async def test_a_job_that_a_version_without_checks_began_goes_on_without_them() -> None:
    job = await finished(writer_of(3, [1]), ReportRequest(topic="Rome"))

    assert [step.name for step in job.steps] == ["outline", "section:0", "section:1", "section:2"]
    assert (job.status, texts_of(job)[1]) == (Status.COMPLETED, SHORT)
