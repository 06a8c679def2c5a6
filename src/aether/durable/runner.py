"""Job runner: takes a job's id from the queue and runs the job to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.job import ENDED, Change, Job, Kind, Problem, Status
from aether.durable.clock import StoreClock
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.journal import Journal, retry_while_unavailable
from aether.durable.ports import JobStore
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.step import RunDependencies, describe_error
from aether.errors import (
    AetherError,
    BudgetExceededError,
    DeadlineExceededError,
    FencedError,
    ModelOverloadedError,
    ModelPausedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelUnreachableError,
    StepFailedError,
)

log = structlog.get_logger()


class Recipe(msgspec.Struct, frozen=True):
    """How jobs of a kind are executed: `make` gets the run and the job's input, decoded as `request`.

    `policy` replaces the worker's own for this kind, and what `limiter` returns for a request replaces the worker's own
    limiter.
    """

    request: type[Any]
    make: Callable[[Run, Any], Awaitable[object]]  # Any: each kind has a request type of its own
    policy: RetryPolicy | None = None
    limiter: Callable[[Any], ConcurrencyLimiter] | None = None  # Any: as above

    def dependencies(self, shared: RunDependencies, request: object) -> RunDependencies:
        """Return the worker's dependencies with those for this request in their place."""
        limiter = self.limiter(request) if self.limiter else shared.limiter
        return replace(shared, policy=self.policy or shared.policy, limiter=limiter)


class Runner:
    """Runs jobs by id, each to its end or until another run takes it over."""

    def __init__(self, store: JobStore, recipes: Mapping[Kind, Recipe], dependencies: RunDependencies) -> None:
        self._store = store
        self._recipes = recipes
        self._dependencies = dependencies
        self._running: dict[str, tuple[int, asyncio.Task[None]]] = {}

    async def perform(self, job_id: str) -> bool:
        """Run a job; return True if it has ended or must not be run, and False if another run has taken it over.

        On False the caller must keep its queue entry, because the other run may hold none. If the calling task is
        cancelled, the job stays as it is, and another worker continues it.

        Raises:
            UnsupportedRecordError: only a worker of another version can run this job; the queue entry must be kept.
            ModelPausedError: the job is to be run again after these seconds; the queue entry must be kept.
        """
        with structlog.contextvars.bound_contextvars(job_id=job_id):
            begin = partial(self._store.begin, job_id, self._recipes)
            job = await retry_while_unavailable(begin, self._dependencies.clock)
            if job is None:
                log.info("job.not_to_be_run")
                return True
            self.fence(job_id, job.epoch)
            clock = StoreClock(self._dependencies.clock, job.updated_at)
            task = asyncio.create_task(self._run_to_end(job, replace(self._dependencies, clock=clock)))
            self._running[job_id] = (job.epoch, task)
            try:
                await asyncio.wait({task})
                if task.cancelling():
                    return not await self._is_live(job_id)
                task.result()
            finally:
                if self._running.get(job_id) == (job.epoch, task):
                    del self._running[job_id]
                await _cancel(task)
            return True

    async def _is_live(self, job_id: str) -> bool:
        job = await retry_while_unavailable(lambda: self._store.load(job_id), self._dependencies.clock)
        return job is not None and job.status not in ENDED

    def fence(self, job_id: str, epoch: int) -> None:
        """Stop this worker's run of the job if its epoch is older: the store would reject its commits anyway."""
        running_epoch, task = self._running.get(job_id, (epoch, None))
        if task is not None and running_epoch < epoch:
            _stop_fenced(task, job_id, running_epoch)

    async def _run_to_end(self, job: Job, dependencies: RunDependencies) -> None:
        on_fenced = partial(_stop_fenced, _this_task(), job.id, job.epoch)
        journal = Journal(self._store, job, dependencies.clock, on_fenced)
        try:
            outcome = await self._execute(job, journal, dependencies)
            await journal.write(outcome)
            log.info("job.ended", status=outcome.status)
        except FencedError:
            pass  # logged by `_stop_fenced` already
        finally:
            await journal.flush()

    async def _execute(self, job: Job, journal: Journal, dependencies: RunDependencies) -> Change:
        try:
            recipe = self._recipes[job.kind]
            async with _deadline(job, dependencies):
                request = msgspec.json.decode(job.input, type=recipe.request)
                await recipe.make(Run(job, journal, recipe.dependencies(dependencies, request)), request)
        except (FencedError, ModelPausedError):
            raise
        except AetherError as error:
            log.warning("job.failed", error=type(error).__name__)
            return Change(status=Status.FAILED, problem=describe_failure(error))
        except (Exception, asyncio.CancelledError):
            # An unrequested cancellation leaked out of some call; if it ended the task, no worker would finish the job.
            if _this_task().cancelling():
                raise
            log.exception("job.crashed")
            return Change(status=Status.FAILED, problem=Problem("internal-error", "Aether failed; its log says why."))
        return Change(status=Status.COMPLETED)


@asynccontextmanager
async def _deadline(job: Job, dependencies: RunDependencies) -> AsyncIterator[None]:
    """End the run at the job's deadline; a job whose model is paused is run again at the deadline at the latest."""
    remaining = dependencies.seconds_left(job)
    began = dependencies.clock.monotonic()
    try:
        async with asyncio.timeout(remaining) as deadline:
            yield
    except ModelPausedError as error:
        left = remaining - (dependencies.clock.monotonic() - began)
        raise ModelPausedError(max(0.0, min(error.seconds, left))) from error
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise dependencies.deadline_error(job) from error


def _this_task() -> asyncio.Task[None]:
    task: asyncio.Task[None] | None = asyncio.current_task()
    if task is None:
        raise RuntimeError
    return task


def _stop_fenced(task: asyncio.Task[None], job_id: str, epoch: int) -> None:
    if not task.cancelling():
        log.info("job.fenced", job_id=job_id, epoch=epoch)
        task.cancel()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


_TYPES: dict[type[AetherError], str] = {
    BudgetExceededError: "budget-exceeded",
    DeadlineExceededError: "deadline-exceeded",
    ModelOverloadedError: "model-overloaded",
    ModelRefusedError: "model-refused",
    ModelRejectedKeyError: "model-rejected-key",
    ModelUnreachableError: "model-unreachable",
}


def describe_failure(error: AetherError) -> Problem:
    """Describe why a job failed: a type for programs, a sentence for people."""
    cause, step = (error.cause, error.step) if isinstance(error, StepFailedError) else (error, None)
    return Problem(_TYPES.get(type(cause), "model-failed"), describe_error(error), step)
