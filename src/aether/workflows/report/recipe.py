"""How a report is made."""

import msgspec
from msgspec import UNSET

from aether.domain.job import Job
from aether.domain.report import Outline, OutlineItem, Report, ReportRequest, Section
from aether.durable.run import Run
from aether.workflows.llm.ports import Writer
from aether.workflows.step_results import result_of


async def write_report(run: Run, request: ReportRequest, writer: Writer) -> Report:
    """Plan the outline, unless the caller brought one; then write all its sections at once."""
    outline = given_outline(request)
    if outline is None:
        outline = await run.step("outline", lambda: writer.outline(request), Outline)
    sections = await run.fan_out(
        "section",
        range(len(outline.items)),
        lambda position: writer.section(request, outline, position),
        Section,
        titles=outline.headings,
    )
    return Report.assemble(request.topic, outline, sections)


def given_outline(request: ReportRequest) -> Outline | None:
    """Return the caller's own outline, if there is one."""
    return None if request.outline is UNSET else Outline.of(map(OutlineItem, request.outline))


def first_steps(request: ReportRequest) -> tuple[str, ...]:
    """Name the steps that are known before the job starts."""
    return ("outline",) if request.outline is UNSET else ()


def report_so_far(job: Job) -> Report:
    """Read the report out of a job's finished steps; before there is an outline it has no headings."""
    request = msgspec.json.decode(job.input, type=ReportRequest)
    outline = given_outline(request) or result_of(job, "outline", Outline) or Outline(())
    sections = [result_of(job, f"section:{position}", Section) for position in range(len(outline.items))]
    return Report.assemble(request.topic, outline, sections)
