"""Run of a job: a recipe awaits its steps, and steps that are done are not run again."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from aether.domain.job import Change, Job, Step, StepStatus
from aether.durable.fan_out import FanOut
from aether.durable.journal import Journal, retry_while_unavailable
from aether.durable.step import RunDependencies, StepRunner

Item = TypeVar("Item")
T = TypeVar("T")


class Run:
    """One execution of a job by one worker; it continues where the previous run stopped."""

    def __init__(self, job: Job, journal: Journal, dependencies: RunDependencies) -> None:
        self._job_id = job.id
        self._clock = dependencies.clock
        self._journal = journal
        self._runner = StepRunner(job, journal, dependencies)
        self._used_names: set[str] = set()
        self._steps = {step.name: step for step in job.steps}

    @property
    def job_id(self) -> str:
        """The job's id, under which its files are stored."""
        return self._job_id

    def plan(self, *names: str) -> None:
        """Declare all remaining steps, if they are known in advance; this completes the job's plan."""
        self._append_plan(map(self._add_step, names))

    async def step(self, name: str, call: Callable[[], Awaitable[T]], returns: type[T]) -> T:
        """Return the stored result of the step; if there is none, make the call until it succeeds.

        Every failed attempt is recorded. The result is durable when this method returns.

        Raises:
            StepFailedError: the call failed for good, or too often.
            FencedError: another worker has taken the job over, or it was cancelled or erased.
        """
        return await self._result(self._plan_step(name), call, returns, FanOut())

    async def fan_out(
        self,
        name: str,
        items: Sequence[Item],
        call: Callable[[Item], Awaitable[T]],
        returns: type[T],
        titles: Sequence[str],
    ) -> list[T]:
        """Run a step `name:position` for each item concurrently; return the results in the items' order.

        This completes the job's plan. When a step fails for good, calls in progress finish and their results are
        stored, no new call starts, and the first failure is raised.

        Raises:
            StepFailedError: as `step` does.
            FencedError: as `step` does.
        """
        steps = [self._plan_step(f"{name}:{at}", title) for at, title in enumerate(titles)]
        self._append_plan(steps)
        pairs = list(zip(steps, items, strict=True))
        siblings: FanOut[T] = FanOut()
        for step, item in pairs:
            siblings.start(self._result(step, partial(call, item), returns, siblings))
        return await siblings.results()

    async def retry_while_unavailable(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call to a store in a step, and repeat it while the store is unavailable; this uses up no attempt."""
        return await retry_while_unavailable(call, self._clock)

    def _plan_step(self, name: str, title: str | None = None) -> Step:
        if name in self._used_names:
            raise ValueError(f"Step {name!r} was run already; each needs a name of its own.")
        self._used_names.add(name)
        return self._add_step(name, title)

    def _add_step(self, name: str, title: str | None = None) -> Step:
        step = self._steps.get(name, Step(name, order=len(self._steps)))
        if step.status is not StepStatus.DONE:
            step = replace(step, status=StepStatus.PENDING, title=title or step.title)
        self._steps[name] = step
        return step

    def _append_plan(self, steps: Iterable[Step]) -> None:
        remaining = tuple(step for step in steps if step.status is StepStatus.PENDING)
        self._journal.append(Change(total=len(self._steps), steps=remaining))

    def _result(
        self, step: Step, call: Callable[[], Awaitable[T]], returns: type[T], siblings: FanOut[T]
    ) -> Coroutine[None, None, T]:
        if step.status is StepStatus.DONE:
            return _stored_result(step, returns)
        return self._runner.run(step, call, siblings)


async def _stored_result(step: Step, returns: type[T]) -> T:
    return msgspec.json.decode(step.result, type=returns)
