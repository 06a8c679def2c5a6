"""Retry policy of steps: how long to wait before each retry, and when to give up."""

from collections.abc import Sequence

import msgspec

from aether.domain.job import Attempt
from aether.durable.ports import Clock
from aether.errors import ModelOverloadedError, TransientError


class RetryPolicy(msgspec.Struct, frozen=True):
    """Exponential backoff with full jitter, bounded in attempts and in time; durations are seconds.

    Unless `overload_uses_attempts`, a call that an overloaded server rejects does not count as an attempt, as long as
    `total` is not used up. If `increasing`, each wait is at least as long as the one before, the server's `Retry-After`
    included.
    """

    attempts: int = 6
    base: float = 0.25
    cap: float = 30.0
    total: float = 600.0
    overload_uses_attempts: bool = False
    increasing: bool = False

    def uses_attempt(self, error: TransientError) -> bool:
        """Whether this failure counts as an attempt."""
        return self.overload_uses_attempts or not isinstance(error, ModelOverloadedError)

    def used_attempt(self, attempt: Attempt) -> bool:
        """Whether a recorded failure counts as an attempt."""
        return self.overload_uses_attempts or attempt.status not in ModelOverloadedError.STATUSES

    def wait(
        self, failures: int, error: TransientError, elapsed: float, jitter: float, previous: float = 0.0
    ) -> float | None:
        """Return the seconds to wait after the latest failure, or None to give up.

        Args:
            failures: the number of failures, this one included.
            error: the latest error; its `retry_after` is the shortest wait.
            elapsed: seconds since the step's first call.
            jitter: a random number from 0 to 1.
            previous: the wait before this one.
        """
        least = previous if self.increasing else 0.0
        most = max(least, min(self.cap, max(2 * least, self.base * 2 ** min(failures - 1, 30))))
        wait = least + jitter * (most - least)
        if error.retry_after is not None:
            # Added to the server's pause, so that calls rejected together do not return together.
            wait = max(least, error.retry_after + min(wait, self.base))
        return None if elapsed + wait > self.total else wait


class RetryState:
    """How often a step has failed since its job was queued, and since when; a new run continues the count.

    A run that begins long after its next attempt was due starts anew: for some time there was no worker.
    """

    def __init__(self, policy: RetryPolicy, earlier: Sequence[Attempt], clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._failures = self._used = 0
        self._previous_wait = 0.0
        self._began: float | None = None
        if earlier and self._is_continued(earlier[-1]):
            self._failures = len(earlier)
            self._used = sum(map(policy.used_attempt, earlier))
            self._previous_wait = _wait_of(earlier[-1])
            self._began = clock.monotonic() - (clock.now() - earlier[0].at).total_seconds()

    def begin(self) -> None:
        """Start the time of the step, with its first call."""
        if self._began is None:
            self._began = self._clock.monotonic()

    def wait_after(self, error: TransientError, jitter: float) -> float | None:
        """Count a failure; return the seconds to wait, or None to give up. `jitter` is as for the policy."""
        self._failures += 1
        self._used += self._policy.uses_attempt(error)
        if self._used >= self._policy.attempts:
            return None
        now = self._clock.monotonic()
        elapsed = now - (now if self._began is None else self._began)
        wait = self._policy.wait(self._failures, error, elapsed, jitter, self._previous_wait)
        self._previous_wait = wait or 0.0
        return wait

    def _is_continued(self, latest: Attempt) -> bool:
        due = latest.next_retry_at
        return due is not None and (self._clock.now() - due).total_seconds() < self._policy.total


def _wait_of(attempt: Attempt) -> float:
    return (attempt.next_retry_at - attempt.at).total_seconds() if attempt.next_retry_at else 0.0
