"""How a checklist is made."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from aether.domain.checklist import Checklist, ChecklistRequest, Summary
from aether.domain.job import Job
from aether.durable.run import Run
from aether.errors import UnusableOutputError
from aether.workflows.llm.chunking import step_of_parts, steps_in_parts
from aether.workflows.llm.ports import Editor
from aether.workflows.step_results import result_of

T = TypeVar("T")


async def make_checklist(run: Run, request: ChecklistRequest, editor: Editor) -> Checklist:
    """Summarise the guideline, in parts if it is longer than the model can read; then turn both into a checklist."""
    parts = editor.parts(request.input_text)
    run.plan(*steps_in_parts(("summary", "checklist"), len(parts)))
    summary = await _summarise(run, parts, editor)
    return await _list(run, parts, summary, editor)


def checklist_so_far(job: Job) -> tuple[Summary | None, Checklist | None]:
    """Read what is done out of a job's steps."""
    return result_of(job, "summary", Summary), result_of(job, "checklist", Checklist)


async def _summarise(run: Run, parts: Sequence[str], editor: Editor) -> Summary:
    if len(parts) == 1:
        return await run.step("summary", lambda: editor.summary(parts[0]), Summary)
    summaries = await _for_each(run, "summary", parts, editor.summary, Summary)
    return await run.step("summary", lambda: editor.merged(summaries), Summary)


async def _list(run: Run, parts: Sequence[str], summary: Summary, editor: Editor) -> Checklist:
    if len(parts) == 1:
        return await run.step("checklist", lambda: editor.checklist(parts[0], summary), Checklist)
    of_part = partial(editor.checklist, summary=summary, may_be_empty=True)
    checklists = await _for_each(run, "checklist", parts, of_part, Checklist)
    return await run.step("checklist", lambda: _joined(checklists), Checklist)


async def _joined(checklists: Sequence[Checklist]) -> Checklist:
    joined = Checklist.of(chain.from_iterable(checklist.items for checklist in checklists))
    if not joined.items:
        raise UnusableOutputError("no part of the guideline has a requirement")
    return joined


async def _for_each(
    run: Run, what: str, parts: Sequence[str], call: Callable[[str], Awaitable[T]], returns: type[T]
) -> list[T]:
    titles = [f"{what.capitalize()} of part {at} of {len(parts)}" for at in range(1, len(parts) + 1)]
    return await run.fan_out(step_of_parts(what, len(parts)), parts, call, returns, titles)
