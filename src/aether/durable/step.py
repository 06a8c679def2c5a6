"""One durable step: a call, made until it succeeds or fails for good."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.job import Attempt, Change, Job, Step, StepStatus
from aether.durable.change_hub import TokenChannel
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.fan_out import FanOut
from aether.durable.journal import Journal
from aether.durable.ports import Clock
from aether.durable.retry import RetryPolicy
from aether.durable.token_budget import TokenBudget, TokenMeter, metered
from aether.durable.token_stream import NullTokenChannel, TokenStream, streaming_to
from aether.errors import ModelOverloadedError, PermanentError, StepFailedError, TransientError

T = TypeVar("T")
Call = Callable[[], Awaitable[T]]

log = structlog.get_logger()


class Tools(msgspec.Struct, frozen=True):
    """What all jobs of one worker share; a job may take `job_timeout` seconds from when it is queued.

    What models write is told to `texts` while somebody watches.
    """

    policy: RetryPolicy
    throttle: ConcurrencyLimiter
    clock: Clock
    job_timeout: float = 3_600.0
    texts: TokenChannel = NullTokenChannel()


class StepRunner:
    """Runs the steps of one job."""

    def __init__(self, job: Job, journal: Journal, tools: Tools) -> None:
        self._job_id = job.id
        self._budget = TokenBudget(job.limits.tokens, job.usage.tokens)
        self._journal = journal
        self._policy = tools.policy
        self._throttle = tools.throttle
        self._clock = tools.clock
        self._texts = tools.texts

    async def run(self, step: Step, call: Call[T], siblings: FanOut[T]) -> T:
        """Make the call until it succeeds, with every failed attempt recorded; the result is durable at the return.

        Raises:
            StepFailedError: the call failed for good, or as often or as long as it may.
            FencedError: this run has lost its job.
        """
        begun = float("inf")
        tries = failures = 0
        wait = None
        while True:
            step = replace(step, attempts=step.attempts + 1, status=StepStatus.RUNNING)
            meter = TokenMeter(self._budget)
            try:
                async with self._throttle.slot(self._job_id):
                    begun = min(begun, self._clock.monotonic())
                    step = replace(step, started_at=step.started_at or self._clock.now())
                    return await self._attempt(step, call, meter, siblings)
            except TransientError as error:
                tries += 1
                failures += self._policy.counts(error)
                wait = self._wait(tries, failures, error, begun, wait or 0.0)
                if wait is None or siblings.halted:
                    raise await self._given_up(step, error, meter, siblings) from error
                await self._record(step, error, wait, meter)
            except PermanentError as error:
                raise await self._given_up(step, error, meter, siblings) from error
            await self._clock.sleep(wait)

    async def _attempt(self, step: Step, call: Call[T], meter: TokenMeter, siblings: FanOut[T]) -> T:
        self._journal.note(Change(steps=(step,)))
        preview = TokenStream(self._texts, self._job_id, step.name, step.attempts, self._is_watched)
        with siblings.busy(), metered(meter), streaming_to(preview):
            result = await call()
            self._throttle.succeeded()
            # Nothing is told of a step that is done.
            await preview.flush()
            done = replace(
                step,
                status=StepStatus.DONE,
                finished_at=self._clock.now(),
                result=msgspec.Raw(msgspec.json.encode(result)),
            )
            await self._journal.write(Change(steps=(done,), usage=meter.usage))
        log.debug("step.finished", step=step.name, attempt=step.attempts)
        return result

    def _is_watched(self) -> bool:
        return self._journal.watched

    def _wait(self, tries: int, failures: int, error: TransientError, begun: float, last: float) -> float | None:
        if isinstance(error, ModelOverloadedError):
            # Nobody else waits longer for a server's word than the call that it was said to.
            self._throttle.overloaded(error.retry_after and min(error.retry_after, self._policy.total))
        if failures >= self._policy.attempts:
            return None
        elapsed = self._clock.monotonic() - begun
        return self._policy.wait(tries, error, elapsed, random.random(), last)  # noqa: S311 - jitter is no secret

    async def _given_up(
        self, step: Step, error: TransientError | PermanentError, meter: TokenMeter, siblings: FanOut[T]
    ) -> StepFailedError:
        failure = StepFailedError(step.name, step.title, step.attempts, error)
        # Before the record is made: the slot is free by now, and a sibling would begin in it.
        siblings.halt(failure)
        await self._record(step, error, None, meter)
        return failure

    async def _record(
        self, step: Step, error: TransientError | PermanentError, wait: float | None, meter: TokenMeter
    ) -> None:
        now = self._clock.now()
        due = None if wait is None else now + timedelta(seconds=wait)
        attempt = Attempt(step.name, step.attempts, now, str(error), due, error.status)
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
