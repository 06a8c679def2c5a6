"""Report recipe: plan an outline, write all its sections, mend them once, and derive from them what is wanted."""

from functools import partial

from aether.domain.report import Outline, Report, Section
from aether.domain.report_request import ReportRequest
from aether.durable.run import Run
from aether.workflows.definition import Workflow
from aether.workflows.report.derivation import derivation_steps, derive
from aether.workflows.report.draft import Draft
from aether.workflows.report.ports import Writer
from aether.workflows.report.prompts.choice import PromptChoice
from aether.workflows.report.revision import revise, revision_steps
from aether.workflows.report.writer import ModelWriter, requested_model


async def write_report(run: Run, request: ReportRequest, writer: Writer) -> Report:
    """Plan the outline, unless the caller sent it; write all sections at the same time; then check and derive."""
    outline = outline_of(request)
    if outline is None:
        outline = await run.step("outline", lambda: writer.write_outline(request), Outline)
    total = len(outline.items)
    sections = await run.fan_out(
        "section",
        range(total),
        lambda position: writer.write_section(request.for_section(position, total), outline, position),
        Section,
        titles=outline.headings,
        then=revision_steps(request) + derivation_steps(request),
    )
    draft = await revise(run, Draft(request, outline, tuple(sections)), writer)
    derived = await derive(run, draft, writer)
    return Report.assemble(request.topic, outline, draft.sections, derived)


def outline_of(request: ReportRequest) -> Outline | None:
    """Return the outline that the caller sent, if any, and if it is complete."""
    plan = request.planned
    return None if plan is None or plan.free else plan.outline_with()


def first_steps(request: ReportRequest) -> tuple[str, ...]:
    """Name the steps that are known before the job starts."""
    return ("outline",) if outline_of(request) is None else ()


WORKFLOW = Workflow(
    ReportRequest,
    lambda ports: partial(write_report, writer=ModelWriter(ports.chat, PromptChoice(ports), ports.context)),
    first_steps,
    model=requested_model,
)
