import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
import pytest

from aether.domain.checklist import Checklist, ChecklistRequest, Item, Summary
from aether.domain.job import Change, Job, Kind, Status
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.errors import AetherError, ModelFailedError, ModelRefusedError
from aether.workflows.checklist.recipe import checklist_so_far, make_checklist
from aether.workflows.llm.chunking import split
from tests.fakes import FastClock, MemoryJobStore

ID = "job"
TEXT = "Wash hands. Lock doors. Feed cats. Close lids."


async def no_wait(_: str) -> None:
    pass


@dataclass
class ScriptedEditor:
    """An `Editor` that splits a text into `number` parts.

    Each call awaits `before`, then raises the next of its `failures`, if any; `calls` names all that were begun.
    """

    number: int = 1
    before: Callable[[str], Awaitable[None]] = no_wait
    failures: dict[str, list[AetherError]] = field(default_factory=dict)
    empty: str = "nothing"
    calls: list[str] = field(default_factory=list)

    def split(self, text: str) -> Sequence[str]:
        return split(text, self.number)

    async def summarise(self, text: str) -> Summary:
        await self._begin(f"summary of {text}")
        return Summary(f"In short: {text}")

    async def merge_summaries(self, summaries: Sequence[Summary]) -> Summary:
        await self._begin("merged")
        return Summary(" / ".join(summary.text for summary in summaries))

    async def write_checklist(self, text: str, summary: Summary, *, may_be_empty: bool = False) -> Checklist:
        await self._begin(f"checklist of {text}")
        assert may_be_empty == (self.number > 1)
        assert summary.text.count("In short") == self.number
        sentences = [part.strip() for part in text.split(".") if part.strip() and self.empty not in part]
        return Checklist.of(Item(sentence, sentence) for sentence in [*sentences, "Do it all"])

    async def _begin(self, call: str) -> None:
        self.calls.append(call)
        await self.before(call)
        if failures := self.failures.get(call):
            raise failures.pop(0)


@dataclass
class ChecklistBench:
    """One checklist job, and workers that run it."""

    editor: ScriptedEditor
    clock: FastClock = field(default_factory=FastClock)

    def __post_init__(self) -> None:
        self.store = MemoryJobStore(clock=self.clock)

    async def submit(self) -> None:
        await self.store.create(NewJob(ID, Kind.CHECKLIST, "ada", msgspec.json.encode(ChecklistRequest(TEXT))))

    async def run(self) -> Job:
        tools = RunDependencies(RetryPolicy(attempts=3), ConcurrencyLimiter(100, self.clock), self.clock)
        recipe = Recipe(ChecklistRequest, partial(make_checklist, editor=self.editor))
        await Runner(self.store, {Kind.CHECKLIST: recipe}, tools).perform(ID)
        return self.job

    async def run_until(self, call: str) -> None:
        """Let a worker begin this call, and kill it then."""
        stuck = asyncio.Event()

        async def get_stuck(begun: str) -> None:
            if begun == call:
                stuck.set()
                await asyncio.Event().wait()

        self.editor.before = get_stuck
        run = asyncio.create_task(self.run())
        await stuck.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    @property
    def job(self) -> Job:
        return self.store.jobs[ID]


async def finished(editor: ScriptedEditor) -> Job:
    bench = ChecklistBench(editor)
    await bench.submit()
    return await bench.run()


def names(job: Job) -> list[str]:
    return [step.name for step in job.steps]


def bullets(job: Job) -> str:
    _, checklist = checklist_so_far(job)
    assert checklist is not None
    return checklist.markdown


async def test_a_guideline_is_summarised_and_then_made_a_checklist() -> None:
    editor = ScriptedEditor()

    job = await finished(editor)

    assert (job.status, job.progress, names(job)) == (Status.COMPLETED, 1.0, ["summary", "checklist"])
    assert editor.calls == [f"summary of {TEXT}", f"checklist of {TEXT}"]
    assert checklist_so_far(job)[0] == Summary(f"In short: {TEXT}")
    assert bullets(job) == "- Wash hands\n- Lock doors\n- Feed cats\n- Close lids\n- Do it all"


async def test_a_long_guideline_is_read_in_parts_and_nothing_of_it_is_lost() -> None:
    editor = ScriptedEditor(2)

    job = await finished(editor)

    first, second = split(TEXT, 2)
    assert (job.status, job.progress) == (Status.COMPLETED, 1.0)
    assert checklist_so_far(job)[0] == Summary(f"In short: {first} / In short: {second}")
    assert bullets(job) == "- Wash hands\n- Lock doors\n- Do it all\n- Feed cats\n- Close lids"
    assert editor.calls == [
        *(f"summary of {part}" for part in (first, second)),
        "merged",
        *(f"checklist of {part}" for part in (first, second)),
    ]


async def test_all_steps_are_planned_from_the_start() -> None:
    job = await finished(ScriptedEditor(2))

    assert names(job) == ["summary/2:0", "summary/2:1", "summary", "checklist/2:0", "checklist/2:1", "checklist"]
    assert [step.title for step in job.steps if step.title] == [
        "Summary of part 1 of 2",
        "Summary of part 2 of 2",
        "Checklist of part 1 of 2",
        "Checklist of part 2 of 2",
    ]


@pytest.mark.parametrize(
    ("number", "call", "progress"),
    [
        (1, f"summary of {TEXT}", 0.0),
        (1, f"checklist of {TEXT}", 0.5),
        (2, "merged", 2 / 6),
    ],
)
async def test_progress_is_known_from_the_start(number: int, call: str, progress: float) -> None:
    bench = ChecklistBench(ScriptedEditor(number))
    await bench.submit()

    await bench.run_until(call)

    assert (bench.job.total, bench.job.progress) == (2 if number == 1 else 6, progress)


async def test_the_parts_of_a_guideline_are_read_at_the_same_time() -> None:
    together = asyncio.Barrier(4)

    async def meet(call: str) -> None:
        if call != "merged":
            await together.wait()

    job = await finished(ScriptedEditor(4, before=meet))

    assert job.status is Status.COMPLETED


async def test_what_is_done_shows_while_the_rest_is_being_made() -> None:
    bench = ChecklistBench(ScriptedEditor())
    await bench.submit()
    assert checklist_so_far(bench.job) == (None, None)

    await bench.run_until(f"checklist of {TEXT}")

    assert checklist_so_far(bench.job) == (Summary(f"In short: {TEXT}"), None)


@pytest.mark.parametrize(
    ("number", "call", "left"),
    [
        (1, f"summary of {TEXT}", [f"summary of {TEXT}", f"checklist of {TEXT}"]),
        (1, f"checklist of {TEXT}", [f"checklist of {TEXT}"]),
        (2, "merged", ["merged", *(f"checklist of {part}" for part in split(TEXT, 2))]),
    ],
)
async def test_a_worker_killed_between_two_steps_does_not_have_the_first_made_again(
    number: int, call: str, left: list[str]
) -> None:
    bench = ChecklistBench(ScriptedEditor(number))
    await bench.submit()
    await bench.run_until(call)

    bench.editor = second = ScriptedEditor(number)
    job = await bench.run()

    assert (job.status, second.calls) == (Status.COMPLETED, left)


async def test_a_worker_whose_model_reads_other_parts_loses_none_of_them() -> None:
    bench = ChecklistBench(ScriptedEditor(2))
    await bench.submit()
    await bench.run_until("merged")

    bench.editor = ScriptedEditor(3)
    job = await bench.run()

    summary, _ = checklist_so_far(job)
    assert summary == Summary(" / ".join(f"In short: {part}" for part in split(TEXT, 3)))


async def test_a_part_may_require_nothing() -> None:
    job = await finished(ScriptedEditor(4, empty="Feed"))

    assert bullets(job) == "- Wash hands\n- Do it all\n- Lock doors\n- Close lids"


async def test_a_step_that_fails_for_now_is_done_in_the_end() -> None:
    failures: list[AetherError] = [ModelFailedError(500), ModelFailedError(502)]
    editor = ScriptedEditor(failures={f"checklist of {TEXT}": failures})

    job = await finished(editor)

    assert job.status is Status.COMPLETED
    assert [(attempt.step, attempt.attempt) for attempt in job.attempts] == [("checklist", 1), ("checklist", 2)]
    assert editor.calls.count(f"summary of {TEXT}") == 1


async def test_a_step_that_fails_for_good_fails_the_job_and_the_summary_is_kept() -> None:
    bench = ChecklistBench(ScriptedEditor(failures={f"checklist of {TEXT}": [ModelRefusedError("No.")]}))
    await bench.submit()

    job = await bench.run()

    assert job.problem is not None
    assert (job.status, job.problem.type, job.problem.step) == (Status.FAILED, "model-refused", "checklist")
    assert checklist_so_far(job) == (Summary(f"In short: {TEXT}"), None)

    await bench.store.move(ID, Change(status=Status.PENDING))
    assert (await bench.run()).status is Status.COMPLETED
    assert bench.editor.calls.count(f"summary of {TEXT}") == 1


class EditorWithoutItems(ScriptedEditor):
    async def write_checklist(self, text: str, summary: Summary, *, may_be_empty: bool = False) -> Checklist:
        del text, summary, may_be_empty
        return Checklist(())


async def test_a_guideline_that_requires_nothing_fails_and_says_so() -> None:
    job = await finished(EditorWithoutItems(2))

    assert job.status is Status.FAILED
    assert job.problem is not None
    assert job.problem.detail.endswith("The model's answer was unusable: no part of the guideline has a requirement.")
