"""The edge of a job: from an id off the queue to a job that has ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.job import LIVE, Change, Job, Kind, Problem, Status
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.journal import Journal, patiently
from aether.durable.ports import JobStore
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.step import Tools
from aether.errors import (
    AetherError,
    BudgetExceededError,
    DeadlineExceededError,
    FencedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelUnreachableError,
    StepFailedError,
)

log = structlog.get_logger()


class Recipe(msgspec.Struct, frozen=True):
    """How a kind of job is made: `make` gets the run and the job's input, decoded as `request`.

    `policy` says how often its steps are tried, and `throttle` how many of its calls may be under way at a time, unless
    that is as for all.
    """

    request: type[Any]
    make: Callable[[Run, Any], Awaitable[object]]  # Any: each kind has a request type of its own
    policy: RetryPolicy | None = None
    throttle: ConcurrencyLimiter | None = None

    def tools(self, shared: Tools) -> Tools:
        """Return the worker's tools with those of the kind in their place."""
        return replace(shared, policy=self.policy or shared.policy, throttle=self.throttle or shared.throttle)


class Runner:
    """Runs jobs by their id, each to its end or until another takes it over."""

    def __init__(self, store: JobStore, recipes: Mapping[Kind, Recipe], tools: Tools) -> None:
        self._store = store
        self._recipes = recipes
        self._tools = tools
        self._running: dict[str, tuple[int, asyncio.Task[None]]] = {}

    async def perform(self, job_id: str) -> bool:
        """Run a job; return True when it has ended or is not to be run, and False if another run has taken it over.

        Whoever holds the queue's entry must keep it then: that run may have no claim to it. A cancellation of the
        calling task leaves the job as it is, for another worker to go on with.
        """
        with structlog.contextvars.bound_contextvars(job_id=job_id):
            job = await patiently(lambda: self._store.begin(job_id), self._tools.clock)
            if job is None:
                log.info("job.not_to_be_run")
                return True
            self.fence(job_id, job.epoch)
            work = asyncio.create_task(self._to_its_end(job))
            self._running[job_id] = (job.epoch, work)
            try:
                await asyncio.wait({work})
                if work.cancelling():
                    return not await self._is_live(job_id)
                work.result()
            finally:
                if self._running.get(job_id) == (job.epoch, work):
                    del self._running[job_id]
                await _stopped(work)
            return True

    async def _is_live(self, job_id: str) -> bool:
        job = await patiently(lambda: self._store.load(job_id), self._tools.clock)
        return job is not None and job.status in LIVE

    def fence(self, job_id: str, epoch: int) -> None:
        """Stop this worker's run of the job, if it has an older epoch: what it does now would be refused anyway."""
        running, work = self._running.get(job_id, (epoch, None))
        if work is not None and running < epoch:
            _stop_fenced(work, job_id, running)

    async def _to_its_end(self, job: Job) -> None:
        journal = Journal(self._store, job, self._tools.clock, partial(_stop_fenced, _this_task(), job.id, job.epoch))
        try:
            outcome = await self._outcome(job, journal)
            await journal.write(outcome)
            log.info("job.ended", status=outcome.status)
        except FencedError:
            pass  # the journal has said so already
        finally:
            await journal.settle()

    @asynccontextmanager
    async def _deadline(self, job: Job) -> AsyncIterator[None]:
        seconds = job.limits.seconds or self._tools.job_timeout
        left = seconds - (self._tools.clock.now() - job.queued_at).total_seconds()
        try:
            async with asyncio.timeout(left) as deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise DeadlineExceededError(seconds) from error

    async def _outcome(self, job: Job, journal: Journal) -> Change:
        try:
            recipe = self._recipes[job.kind]
            async with self._deadline(job):
                request = msgspec.json.decode(job.input, type=recipe.request)
                await recipe.make(Run(job, journal, recipe.tools(self._tools)), request)
        except FencedError:
            raise
        except AetherError as error:
            log.warning("job.failed", error=type(error).__name__)
            return Change(status=Status.FAILED, problem=problem_of(error))
        except (Exception, asyncio.CancelledError):
            # A cancellation that nobody asked for has leaked out of some call; a job left behind for it had no worker.
            if _this_task().cancelling():
                raise
            log.exception("job.crashed")
            return Change(status=Status.FAILED, problem=Problem("internal-error", "Aether failed; its log says why."))
        return Change(status=Status.COMPLETED)


def _this_task() -> asyncio.Task[None]:
    task: asyncio.Task[None] | None = asyncio.current_task()
    if task is None:
        raise RuntimeError
    return task


def _stop_fenced(work: asyncio.Task[None], job_id: str, epoch: int) -> None:
    if not work.cancelling():
        log.info("job.fenced", job_id=job_id, epoch=epoch)
        work.cancel()


async def _stopped(work: asyncio.Task[None]) -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


_TYPES: dict[type[AetherError], str] = {
    BudgetExceededError: "budget-exceeded",
    DeadlineExceededError: "deadline-exceeded",
    ModelOverloadedError: "model-overloaded",
    ModelRefusedError: "model-refused",
    ModelRejectedKeyError: "model-rejected-key",
    ModelUnreachableError: "model-unreachable",
}


def problem_of(error: AetherError) -> Problem:
    """Tell why a job failed: the word for programs, the sentence for people."""
    cause, step = (error.cause, error.step) if isinstance(error, StepFailedError) else (error, None)
    return Problem(_TYPES.get(type(cause), "model-failed"), str(error), step)
