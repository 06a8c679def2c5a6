"""Step execution: makes one call until it succeeds or fails for good, and commits the result."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.job import Attempt, Change, Job, Step, StepStatus
from aether.domain.plain_text import clean, shorten
from aether.durable.change_hub import TokenChannel
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.fan_out import FanOut
from aether.durable.journal import Journal
from aether.durable.pause import PauseGuard
from aether.durable.ports import Clock
from aether.durable.retry import RetryPolicy, RetryState
from aether.durable.token_budget import TokenBudget, TokenMeter, use_meter
from aether.durable.token_stream import NullTokenChannel, TokenStream, use_token_stream
from aether.errors import (
    AetherError,
    DeadlineExceededError,
    ModelOverloadedError,
    PermanentError,
    StepFailedError,
    TransientError,
)

T = TypeVar("T")
Call = Callable[[], Awaitable[T]]

log = structlog.get_logger()


_MAX_ERROR_LENGTH = 1_000


def describe_error(error: AetherError) -> str:
    """Return the error's message for the record; it may quote a model server."""
    return clean(shorten(str(error), _MAX_ERROR_LENGTH))


def finished(step: Step, result: object, clock: Clock) -> Step:
    """Return the step as it is when it is done."""
    encoded = msgspec.Raw(msgspec.json.encode(result))
    return replace(step, status=StepStatus.DONE, finished_at=clock.now(), result=encoded)


class RunDependencies(msgspec.Struct, frozen=True):
    """Dependencies that all runs of one worker share; a job may take `job_timeout` seconds from when it is queued.

    A run waits up to `max_pause` seconds for a paused model. If the pause is longer, or a call was not answered for
    longer, and nothing else is left to do, the run ends, so that another job gets its place.
    """

    policy: RetryPolicy
    limiter: ConcurrencyLimiter
    clock: Clock
    job_timeout: float = 3_600.0
    token_channel: TokenChannel = NullTokenChannel()
    max_pause: float = float("inf")

    def seconds_left(self, job: Job) -> float:
        """Return the seconds until the job's deadline."""
        return self._seconds_of(job) - (self.clock.now() - job.queued_at).total_seconds()

    def deadline_error(self, job: Job) -> DeadlineExceededError:
        """Return the error of a job that takes longer than it may."""
        return DeadlineExceededError(self._seconds_of(job))

    def _seconds_of(self, job: Job) -> float:
        return job.limits.seconds or self.job_timeout


class StepRunner:
    """Runs the steps of one job."""

    def __init__(self, job: Job, journal: Journal, dependencies: RunDependencies) -> None:
        self._job = job
        self.budget = TokenBudget(job.limits.tokens, job.usage.tokens)
        self._journal = journal
        self._policy = dependencies.policy
        self._limiter = dependencies.limiter
        self._clock = dependencies.clock
        self._token_channel = dependencies.token_channel
        self._pauses = PauseGuard(dependencies.limiter, dependencies.max_pause)

    async def run(self, step: Step, call: Call[T], siblings: FanOut[T]) -> T:
        """Make the call until it succeeds, recording every failed attempt; the result is durable when this returns.

        Raises:
            StepFailedError: the call failed for good, or the retry policy gave up.
            FencedError: this run has lost its job.
            ModelPausedError: the model is paused or silent for long, and this run has nothing else to do.
        """
        retries = RetryState(self._policy, self._earlier_attempts(step), self._clock)
        while True:
            step = replace(step, attempts=step.attempts + 1, status=StepStatus.RUNNING)
            meter = TokenMeter(self.budget)
            with self._pauses.waiting():
                await self._limiter.acquire(self._job.id)
            began = self._clock.monotonic()
            with self._pauses.calling():
                try:
                    try:
                        retries.begin()
                        step = replace(step, started_at=step.started_at or self._clock.now())
                        return await self._attempt(step, call, meter, siblings)
                    finally:
                        self._limiter.release()
                except TransientError as error:
                    wait = self._next_wait(retries, error)
                    if wait is None or siblings.has_failed:
                        raise await self._give_up(step, error, meter, siblings) from error
                    self._pauses.failed(error, self._clock.monotonic() - began, wait)
                    await self._record_failure(step, error, wait, meter)
                except PermanentError as error:
                    raise await self._give_up(step, error, meter, siblings) from error
            with self._pauses.waiting():
                await self._clock.sleep(wait)

    def _earlier_attempts(self, step: Step) -> list[Attempt]:
        """Return the attempts that failed in earlier runs, since the job was queued."""
        attempts = self._job.attempts
        return [attempt for attempt in attempts if attempt.step == step.name and attempt.at >= self._job.queued_at]

    async def _attempt(self, step: Step, call: Call[T], meter: TokenMeter, siblings: FanOut[T]) -> T:
        self._journal.append(Change(steps=(step,)))
        token_stream = TokenStream(self._token_channel, self._job.id, step.name, step.attempts, self._has_listeners)
        with siblings.protect(), use_meter(meter), use_token_stream(token_stream):
            result = await call()
            self._limiter.record_success()
            self._pauses.answered()
            # No delta may follow the event that the step is done.
            await token_stream.flush()
            done = finished(step, result, self._clock)
            await self._journal.write(Change(steps=(done,), attempts=self._warnings(step, meter), usage=meter.usage))
        log.debug("step.finished", step=step.name, attempt=step.attempts)
        return result

    def _warnings(self, step: Step, meter: TokenMeter) -> tuple[Attempt, ...]:
        """Return what the record tells about an attempt that succeeded."""
        if not meter.warnings:
            return ()
        return (Attempt(step.name, step.attempts, self._clock.now(), " ".join(meter.warnings)),)

    def _has_listeners(self) -> bool:
        return self._journal.has_listeners

    def _next_wait(self, retries: RetryState, error: TransientError) -> float | None:
        if isinstance(error, ModelOverloadedError):
            # A `Retry-After` beyond the policy's total ends this call; it must not pause the others for longer.
            self._limiter.record_overload(error.retry_after and min(error.retry_after, self._policy.total))
        return retries.wait_after(error, random.random())  # noqa: S311 - jitter is no secret

    async def _give_up(
        self, step: Step, error: TransientError | PermanentError, meter: TokenMeter, siblings: FanOut[T]
    ) -> StepFailedError:
        failure = StepFailedError(step.name, step.title, step.attempts, error)
        # Before the commit: the slot is free already, and a waiting sibling would start its call in it.
        siblings.fail(failure)
        await self._record_failure(step, error, None, meter)
        return failure

    async def _record_failure(
        self, step: Step, error: TransientError | PermanentError, wait: float | None, meter: TokenMeter
    ) -> None:
        now = self._clock.now()
        due = None if wait is None else now + timedelta(seconds=wait)
        attempt = Attempt(step.name, step.attempts, now, describe_error(error), due, error.status)
        status = StepStatus.FAILED if wait is None else StepStatus.PENDING
        log.warning(
            "step.attempt_failed",
            step=step.name,
            attempt=step.attempts,
            error=type(error).__name__,
            status=error.status,
            wait_s=wait,
        )
        await self._journal.write(
            Change(steps=(replace(step, status=status),), attempts=(attempt,), usage=meter.usage),
        )
