"""Report recipe: plan an outline, then write all its sections at the same time."""

from functools import partial

from msgspec import UNSET

from aether.domain.job import Job
from aether.domain.report import Outline, OutlineItem, Report, ReportRequest, Section
from aether.domain.stored_request import stored_request_decoder
from aether.durable.run import Run
from aether.workflows.definition import Workflow
from aether.workflows.report.ports import Writer
from aether.workflows.report.prompts.choice import PromptChoice
from aether.workflows.report.writer import ModelWriter, requested_model
from aether.workflows.step_results import result_of

_stored_request = stored_request_decoder(ReportRequest)


async def write_report(run: Run, request: ReportRequest, writer: Writer) -> Report:
    """Plan the outline, unless the caller sent one; then write all sections at the same time."""
    outline = outline_of(request)
    if outline is None:
        outline = await run.step("outline", lambda: writer.write_outline(request), Outline)
    sections = await run.fan_out(
        "section",
        range(len(outline.items)),
        lambda position: writer.write_section(request, outline, position),
        Section,
        titles=outline.headings,
    )
    return Report.assemble(request.topic, outline, sections)


def outline_of(request: ReportRequest) -> Outline | None:
    """Return the outline that the caller sent, if any."""
    return None if request.outline is UNSET else Outline.of(map(OutlineItem, request.outline))


def first_steps(request: ReportRequest) -> tuple[str, ...]:
    """Name the steps that are known before the job starts."""
    return ("outline",) if request.outline is UNSET else ()


def report_so_far(job: Job) -> Report:
    """Assemble the report from the job's finished steps; before there is an outline it has no headings."""
    request = _stored_request.decode(job.input)
    outline = outline_of(request) or result_of(job, "outline", Outline) or Outline(())
    sections = [result_of(job, f"section:{position}", Section) for position in range(len(outline.items))]
    return Report.assemble(request.topic, outline, sections)


WORKFLOW = Workflow(
    ReportRequest,
    lambda ports: partial(write_report, writer=ModelWriter(ports.chat, PromptChoice(ports))),
    first_steps,
    model=requested_model,
)
