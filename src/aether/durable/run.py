"""Durable execution: a recipe awaits steps, and a step that is done is never done again."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from aether.domain.job import Change, Job, Step, StepStatus
from aether.durable.fan_out import FanOut
from aether.durable.journal import Journal, patiently
from aether.durable.step import StepRunner, Tools

Item = TypeVar("Item")
T = TypeVar("T")


class Run:
    """One execution of a job by one worker, from wherever the last one left off."""

    def __init__(self, job: Job, journal: Journal, tools: Tools) -> None:
        self._job_id = job.id
        self._clock = tools.clock
        self._journal = journal
        self._runner = StepRunner(job, journal, tools)
        self._used: set[str] = set()
        self._steps = {step.name: step for step in job.steps}

    @property
    def job_id(self) -> str:
        """The job's id, under which what it makes is kept elsewhere."""
        return self._job_id

    def plan(self, *names: str) -> None:
        """Say which steps there will be, where that is known beforehand; with them the job's plan is complete."""
        self._note_plan(map(self._known, names))

    async def step(self, name: str, call: Callable[[], Awaitable[T]], returns: type[T]) -> T:
        """Return what the step returned before, whoever ran it; else make the call until it succeeds.

        Every failed attempt is recorded, and the result is durable when this returns.

        Raises:
            StepFailedError: the call failed for good, or too often.
            FencedError: another worker has taken the job over, or it was cancelled or erased.
        """
        return await self._result(self._planned(name), call, returns, FanOut())

    async def fan_out(
        self,
        name: str,
        items: Sequence[Item],
        call: Callable[[Item], Awaitable[T]],
        returns: type[T],
        titles: Sequence[str],
    ) -> list[T]:
        """Run a step `name:position` for each item, all concurrently; return the results in the items' order.

        With them the job's plan is complete. When one fails for good, the calls under way still end and are kept,
        nothing new is begun, and the first failure is raised.

        Raises:
            StepFailedError: as `step` does.
            FencedError: as `step` does.
        """
        steps = [self._planned(f"{name}:{at}", title) for at, title in enumerate(titles)]
        self._note_plan(steps)
        work = list(zip(steps, items, strict=True))
        siblings: FanOut[T] = FanOut()
        for step, item in work:
            siblings.start(self._result(step, partial(call, item), returns, siblings))
        return await siblings.results()

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call of a store within a step, again and again while it is away; it uses up no attempt."""
        return await patiently(call, self._clock)

    def _planned(self, name: str, title: str | None = None) -> Step:
        if name in self._used:
            raise ValueError(f"Step {name!r} was run already; each needs a name of its own.")
        self._used.add(name)
        return self._known(name, title)

    def _known(self, name: str, title: str | None = None) -> Step:
        known = self._steps.get(name, Step(name, order=len(self._steps)))
        if known.status is not StepStatus.DONE:
            known = replace(known, status=StepStatus.PENDING, title=title or known.title)
        self._steps[name] = known
        return known

    def _note_plan(self, steps: Iterable[Step]) -> None:
        to_do = tuple(step for step in steps if step.status is StepStatus.PENDING)
        self._journal.note(Change(total=len(self._steps), steps=to_do))

    def _result(
        self, step: Step, call: Callable[[], Awaitable[T]], returns: type[T], siblings: FanOut[T]
    ) -> Coroutine[None, None, T]:
        if step.status is StepStatus.DONE:
            return _kept(step, returns)
        return self._runner.run(step, call, siblings)


async def _kept(step: Step, returns: type[T]) -> T:
    return msgspec.json.decode(step.result, type=returns)
