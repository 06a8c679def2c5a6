"""Checklist recipe: summarise a guideline, then turn the guideline and its summary into a checklist."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from aether.domain.checklist import Checklist, ChecklistRequest, Summary
from aether.domain.job import Job
from aether.durable.run import Run
from aether.errors import UnusableOutputError
from aether.workflows.checklist.editor import ModelEditor
from aether.workflows.checklist.part_steps import part_step, step_names
from aether.workflows.checklist.ports import Editor
from aether.workflows.definition import Workflow
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.step_results import result_of

T = TypeVar("T")


async def make_checklist(run: Run, request: ChecklistRequest, editor: Editor) -> Checklist:
    """Summarise the guideline, in parts if the model cannot read it at once; then list what it requires."""
    parts = await work_on_text(partial(editor.split, request.input_text), len(request.input_text))
    run.plan(*step_names(("summary", "checklist"), len(parts)))
    summary = await _summarise(run, parts, editor)
    return await _write_checklist(run, parts, summary, editor)


def checklist_so_far(job: Job) -> tuple[Summary | None, Checklist | None]:
    """Read the summary and the checklist from the job's finished steps."""
    return result_of(job, "summary", Summary), result_of(job, "checklist", Checklist)


async def _summarise(run: Run, parts: Sequence[str], editor: Editor) -> Summary:
    if len(parts) == 1:
        return await run.step("summary", lambda: editor.summarise(parts[0]), Summary)
    summaries = await _for_each(run, "summary", parts, editor.summarise, Summary)
    return await run.step("summary", lambda: editor.merge_summaries(summaries), Summary)


async def _write_checklist(run: Run, parts: Sequence[str], summary: Summary, editor: Editor) -> Checklist:
    if len(parts) == 1:
        return await run.step("checklist", lambda: editor.write_checklist(parts[0], summary), Checklist)
    write = partial(editor.write_checklist, summary=summary, may_be_empty=True)
    checklists = await _for_each(run, "checklist", parts, write, Checklist)
    return await run.step("checklist", lambda: _join(checklists), Checklist)


async def _join(checklists: Sequence[Checklist]) -> Checklist:
    joined = Checklist.of(chain.from_iterable(checklist.items for checklist in checklists))
    if not joined.items:
        raise UnusableOutputError("no part of the guideline has a requirement")
    return joined


async def _for_each(
    run: Run, step: str, parts: Sequence[str], call: Callable[[str], Awaitable[T]], returns: type[T]
) -> list[T]:
    titles = [f"{step.capitalize()} of part {at} of {len(parts)}" for at in range(1, len(parts) + 1)]
    return await run.fan_out(part_step(step, len(parts)), parts, call, returns, titles)


WORKFLOW = Workflow(
    ChecklistRequest, lambda ports: partial(make_checklist, editor=ModelEditor(ports.chat, ports.context))
)
