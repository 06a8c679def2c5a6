import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from aether.domain.job import Change, Status, StepStatus
from aether.domain.report import Outline, OutlineItem, Report
from aether.domain.report_request import FreeSections, Length, ReportPlan, ReportRequest, SectionPlan
from aether.domain.template import SectionKind, Template, TemplateDefaults, TemplateSection
from aether.domain.template_rules import check_template
from aether.errors import ModelFailedError, ModelRefusedError
from aether.workflows.report.recipe import first_steps, outline_of
from aether.workflows.report.record import ReportRecord
from aether.workflows.report.structure import template_of_report
from tests.durable_harness import until
from tests.report_harness import ID, REQUEST, TITLES, ReportBench, ScriptedWriter, finished


async def test_a_report_is_planned_and_written() -> None:
    job = await finished(ScriptedWriter())

    assert (job.status, job.progress) == (Status.COMPLETED, 1.0)
    assert ReportRecord(job).report == Report(
        "Rome",
        ("I. Origins", "II. Republic", "III. Fall"),
        {
            "I. Origins": "On Origins, part 0.",
            "II. Republic": "On Republic, part 1.",
            "III. Fall": "On Fall, part 2.",
        },
    )
    assert [step.name for step in job.steps] == ["outline", "section:0", "section:1", "section:2"]
    assert [step.title for step in job.steps] == [None, "I. Origins", "II. Republic", "III. Fall"]


async def test_twenty_sections_of_which_two_share_a_title_are_all_kept_in_order() -> None:
    titles = [f"About {at}" for at in range(20)]
    titles[3] = titles[17] = "Trade"

    report = ReportRecord(await finished(ScriptedWriter(titles))).report

    assert len(set(report.outline)) == 20
    assert tuple(report.sections) == report.outline
    assert [text.rpartition(" ")[2] for text in report.sections.values()] == [f"{at}." for at in range(20)]
    assert (report.outline[3], report.outline[17]) == ("IV. Trade", "XVIII. Trade (2)")


async def test_the_caller_s_own_outline_is_used_without_a_call() -> None:
    writer = ScriptedWriter()
    request = ReportRequest(topic="Rome", outline=("1. Kings", "2. Kings", "3. Emperors"))

    job = await finished(writer, request)

    assert ReportRecord(job).report.outline == ("I. Kings", "II. Kings (2)", "III. Emperors")
    assert (writer.outline_calls, writer.written) == (0, [0, 1, 2])
    assert [step.name for step in job.steps] == ["section:0", "section:1", "section:2"]


PLANNED = ReportPlan(
    (SectionPlan("Kings", "Seven.", "Name them.", Length.BRIEF), SectionPlan("Emperors")), FreeSections(1, 2, 1)
)


async def test_sections_are_written_by_their_own_wishes_wherever_others_are_added() -> None:
    writer = ScriptedWriter(("Kings", "Republic", "Wars", "Emperors"))
    request = ReportRequest(topic="Rome", instructions="Be brief.", plan=PLANNED)

    job = await finished(writer, request)

    assert ReportRecord(job).report.outline == ("I. Kings", "II. Republic", "III. Wars", "IV. Emperors")
    assert writer.outline_calls == 1
    asked = {at: (each.length, each.instructions) for at, each in writer.requests.items()}
    assert asked == {
        0: (Length.BRIEF, "Be brief.\nName them."),
        **dict.fromkeys((1, 2, 3), (Length.STANDARD, "Be brief.")),
    }


async def test_a_template_of_a_report_has_its_sections_and_the_wishes_of_its_request() -> None:
    writer = ScriptedWriter(("Kings", "Republic", "Emperors"))
    request = ReportRequest(topic="Rome", tone="dry", length=Length.DETAILED, plan=PLANNED, key_points=True)

    template = template_of_report(await finished(writer, request))

    check_template(template)
    assert template == Template(
        "Rome",
        (
            TemplateSection("Kings", instructions="Name them.", length=Length.BRIEF),
            TemplateSection("Republic"),
            TemplateSection("Emperors"),
            TemplateSection("Key points", kind=SectionKind.KEY_POINTS),
        ),
        defaults=TemplateDefaults(tone="dry", length=Length.DETAILED),
    )


@pytest.mark.parametrize(
    ("request_", "steps", "outline"),
    [
        (REQUEST, ("outline",), None),
        (ReportRequest(topic="Rome", outline=("Kings",)), (), Outline((OutlineItem("Kings"),))),
        (ReportRequest(topic="Rome", plan=PLANNED), ("outline",), None),
        (
            ReportRequest(topic="Rome", plan=replace(PLANNED, free=None)),
            (),
            Outline((OutlineItem("Kings", "Seven."), OutlineItem("Emperors"))),
        ),
    ],
)
def test_the_first_steps_follow_from_the_outline_of_the_request(
    request_: ReportRequest, steps: tuple[str, ...], outline: Outline | None
) -> None:
    assert (first_steps(request_), outline_of(request_)) == (steps, outline)


async def test_sections_that_finish_out_of_order_keep_the_outline_s() -> None:
    gates = [asyncio.Event() for _ in range(4)]

    async def in_reverse(position: int) -> None:
        await gates[position + 1].wait()
        gates[position].set()

    gates[3].set()
    writer = ScriptedWriter(before=in_reverse)

    report = ReportRecord(await finished(writer)).report

    assert writer.written == [2, 1, 0]
    assert tuple(report.sections) == report.outline == ("I. Origins", "II. Republic", "III. Fall")


async def test_the_report_so_far_at_every_stage() -> None:
    """It has its outline from the first section on, and its sections are always in the order of the outline."""
    seen: list[tuple[int, tuple[str, ...]]] = []
    gates = {2: asyncio.Event(), 0: asyncio.Event(), 1: asyncio.Event()}
    begun = asyncio.Event()

    async def wait(position: int) -> None:
        begun.set()
        await gates[position].wait()

    bench = ReportBench(ScriptedWriter(before=wait))
    await bench.submit()
    assert ReportRecord(bench.job).report == Report("Rome", (), {})

    run = asyncio.create_task(bench.run())
    await begun.wait()
    for position, gate in gates.items():
        report = ReportRecord(bench.job).report
        seen.append((len(report.outline), tuple(report.sections)))
        gate.set()
        await until(partial(is_done, bench, position))
    job = await run

    assert seen == [(3, ()), (3, ("III. Fall",)), (3, ("I. Origins", "III. Fall"))]
    assert tuple(ReportRecord(job).report.sections) == ("I. Origins", "II. Republic", "III. Fall")


def is_done(bench: ReportBench, position: int) -> bool:
    step = bench.job.step(f"section:{position}")
    return step is not None and step.status is StepStatus.DONE


async def test_the_caller_s_own_outline_stands_in_the_report_before_anything_is_written() -> None:
    bench = ReportBench(ScriptedWriter(), ReportRequest(topic="Rome", outline=("Kings", "Emperors")))
    await bench.submit()

    assert ReportRecord(bench.job).report == Report("Rome", ("I. Kings", "II. Emperors"), {})


async def test_a_section_that_fails_for_now_is_written_in_the_end() -> None:
    job = await finished(ScriptedWriter(failures={1: [ModelFailedError(500), ModelFailedError(502)]}))

    assert job.status is Status.COMPLETED
    assert [(attempt.step, attempt.attempt) for attempt in job.attempts] == [("section:1", 1), ("section:1", 2)]
    assert tuple(ReportRecord(job).report.sections) == ("I. Origins", "II. Republic", "III. Fall")


async def test_a_section_that_fails_for_good_fails_the_job_and_those_under_way_are_kept() -> None:
    under_way = asyncio.Barrier(len(TITLES))

    async def all_begun(_: int) -> None:
        await under_way.wait()

    job = await finished(ScriptedWriter(before=all_begun, failures={1: [ModelRefusedError("I will not.")]}))

    assert job.status is Status.FAILED
    assert job.problem is not None
    assert (job.problem.type, job.problem.step) == ("model-refused", "section:1")
    assert job.problem.detail == "II. Republic failed: The model declined to answer: I will not."
    assert tuple(ReportRecord(job).report.sections) == ("I. Origins", "III. Fall")


async def test_a_failed_report_is_retried_from_where_it_stands() -> None:
    writer = ScriptedWriter(failures={1: [ModelRefusedError("No.")]})
    bench = ReportBench(writer)
    await bench.submit()
    await bench.run()
    writer.titles = ("Another", "outline", "altogether")

    await bench.store.move(ID, Change(status=Status.PENDING))
    job = await bench.run()

    assert (job.status, writer.outline_calls, sorted(writer.written)) == (Status.COMPLETED, 1, [0, 1, 2])
    assert ReportRecord(job).report.outline == ("I. Origins", "II. Republic", "III. Fall")


@pytest.mark.parametrize("written", range(4))
async def test_a_report_whose_worker_stops_is_resumed_by_another(written: int) -> None:
    """No step that was committed is executed again, wherever the first worker stopped."""
    stuck = asyncio.Event()

    async def get_stuck(position: int) -> None:
        if position >= written:
            stuck.set()
            await asyncio.Event().wait()

    first = ScriptedWriter(titles=(*TITLES, "Legacy"), before=get_stuck)
    bench = ReportBench(first)
    await bench.submit()
    run = asyncio.create_task(bench.run())
    await stuck.wait()
    for position in range(written):
        await until(partial(is_done, bench, position))
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert bench.job.status is Status.PROCESSING

    bench.writer = second = ScriptedWriter()
    job = await bench.run()

    assert (job.status, second.outline_calls) == (Status.COMPLETED, 0)
    assert sorted(second.written) == list(range(written, 4))
    assert list(ReportRecord(job).report.sections.values())[-1] == "On Legacy, part 3."
    assert tuple(ReportRecord(job).report.sections) == ReportRecord(job).report.outline
