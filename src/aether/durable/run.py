"""Run of a job: a recipe awaits its steps, and steps that are done are not run again."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from aether.domain.job import Change, Job, Step, StepStatus
from aether.durable.fan_out import FanOut
from aether.durable.journal import Journal, retry_while_unavailable
from aether.durable.step import RunDependencies, StepRunner, finished
from aether.errors import AetherError, StepFailedError

Item = TypeVar("Item")
T = TypeVar("T")

_OPTIONAL_SHARE = 0.5
"""Share of the time that a job has left which optional steps may take."""


class Run:
    """One execution of a job by one worker; it continues where the previous run stopped."""

    def __init__(self, job: Job, journal: Journal, dependencies: RunDependencies) -> None:
        self._job = job
        self._dependencies = dependencies
        self._journal = journal
        self._runner = StepRunner(job, journal, dependencies)
        self._used_names: set[str] = set()
        self._steps = {step.name: step for step in job.steps}
        self._is_plan_complete = job.total > 0

    @property
    def job_id(self) -> str:
        """The job's id, under which its files are stored."""
        return self._job.id

    @property
    def tokens_left(self) -> int | None:
        """The tokens that the job may still spend; None if there is no limit."""
        return self._runner.budget.left

    def plan(self, *names: str) -> None:
        """Declare all remaining steps, if they are known in advance; this completes the job's plan."""
        self._append_plan(list(map(self._add_step, names)))

    async def step(self, name: str, call: Callable[[], Awaitable[T]], returns: type[T]) -> T:
        """Return the stored result of the step; if there is none, make the call until it succeeds.

        Every failed attempt is recorded. The result is durable when this method returns.

        Raises:
            StepFailedError: the call failed for good, or too often.
            FencedError: another worker has taken the job over, or it was cancelled or erased.
        """
        return await self._result(self._plan_step(name), call, returns, FanOut())

    async def compute(self, name: str, work: Callable[[], Awaitable[T]], returns: type[T]) -> T:
        """Return the stored result of the step; if there is none, do the work, which calls no model and cannot fail.

        The result becomes durable with whatever is written next, and not after it, so the step costs no commit of its
        own. If the worker dies before, the next one does the work again.
        """
        step = self._plan_step(name)
        if step.status is StepStatus.DONE:
            return await _stored_result(step, returns)
        started_at = self._dependencies.clock.now()
        result = await work()
        step = replace(step, attempts=step.attempts + 1, started_at=started_at)
        self._journal.append(Change(steps=(finished(step, result, self._dependencies.clock),)))
        return result

    async def fan_out(  # noqa: PLR0913, PLR0917 - one call says all of it
        self,
        name: str,
        items: Sequence[Item],
        call: Callable[[Item], Awaitable[T]],
        returns: type[T],
        titles: Sequence[str],
        keys: Iterable[object] | None = None,
        then: Iterable[str] = (),
    ) -> list[T]:
        """Run a step `name:key` for each item concurrently; return the results in the items' order.

        This completes the job's plan. When a step fails for good, calls in progress finish and their results are
        stored, no new call starts, and the first failure is raised.

        Args:
            name: the first part of the names of the steps.
            items: what `call` is called with.
            call: makes one result.
            returns: the type of a result.
            titles: those of the steps.
            keys: the last part of the names of the steps; by default the positions of the items.
            then: the names of steps that follow.

        Raises:
            StepFailedError: as `step` does.
            FencedError: as `step` does.
        """
        keys = range(len(items)) if keys is None else keys
        steps = [self._plan_step(f"{name}:{key}", title) for key, title in zip(keys, titles, strict=True)]
        self._append_plan([*steps, *map(self._add_step, then)])
        siblings: FanOut[T] = FanOut()
        for step, item in zip(steps, items, strict=True):
            siblings.start(self._result(step, partial(call, item), returns, siblings))
        return await siblings.results()

    async def attempt_all(
        self,
        name: str,
        titles: Mapping[int, str],
        call: Callable[[int], Awaitable[T]],
        returns: type[T],
        otherwise: Callable[[AetherError], T],
    ) -> dict[int, T]:
        """Run an optional step `name:key` for each key of `titles` concurrently; return the results by these keys.

        A step that fails for good gets the result of `otherwise`, and so does one that takes more than half of the time
        that the job has left.

        Raises:
            FencedError: as `step` does.
        """
        steps = {key: self._plan_step(f"{name}:{key}", title) for key, title in titles.items()}
        self._append_plan(steps.values())
        siblings: FanOut[T] = FanOut()
        for key, step in steps.items():
            siblings.start(self._optional_result(step, partial(call, key), returns, otherwise))
        return dict(zip(steps, await siblings.results(), strict=True))

    async def retry_while_unavailable(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call to a store in a step, and repeat it while the store is unavailable; this uses up no attempt."""
        return await retry_while_unavailable(call, self._dependencies.clock)

    def _plan_step(self, name: str, title: str | None = None) -> Step:
        if name in self._used_names:
            raise ValueError(f"Step {name!r} was run already; each needs a name of its own.")
        self._used_names.add(name)
        return self._add_step(name, title)

    def _add_step(self, name: str, title: str | None = None) -> Step:
        new = Step(name, order=len(self._steps), is_extra=self._is_plan_complete)
        step = self._steps.get(name, new)
        if step.status is not StepStatus.DONE:
            step = replace(step, status=StepStatus.PENDING, title=title or step.title)
        self._steps[name] = step
        return step

    def _append_plan(self, steps: Iterable[Step]) -> None:
        remaining = tuple(step for step in steps if step.status is StepStatus.PENDING)
        total = sum(not step.is_extra for step in self._steps.values())
        self._journal.append(Change(total=total, steps=remaining))
        self._is_plan_complete = True

    def _result(
        self, step: Step, call: Callable[[], Awaitable[T]], returns: type[T], siblings: FanOut[T]
    ) -> Coroutine[None, None, T]:
        if step.status is StepStatus.DONE:
            return _stored_result(step, returns)
        return self._runner.run(step, call, siblings)

    async def _optional_result(
        self,
        step: Step,
        call: Callable[[], Awaitable[T]],
        returns: type[T],
        otherwise: Callable[[AetherError], T],
    ) -> T:
        async def in_time() -> T:
            result = await call()
            # It is paid for, so no deadline replaces it while it is stored.
            deadline.reschedule(None)
            return result

        seconds = _OPTIONAL_SHARE * self._dependencies.seconds_left(self._job)
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await self._result(step, in_time, returns, FanOut())
        except StepFailedError as error:
            step, reason = replace(step, attempts=error.attempts), error.cause
        except TimeoutError:
            if not deadline.expired():
                raise
            step, reason = replace(step, attempts=step.attempts + 1), self._dependencies.deadline_error(self._job)
        result = otherwise(reason)
        await self._journal.write(Change(steps=(finished(step, result, self._dependencies.clock),)))
        return result


async def _stored_result(step: Step, returns: type[T]) -> T:
    return msgspec.json.decode(step.result, type=returns)
