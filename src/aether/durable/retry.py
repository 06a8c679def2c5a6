"""Retry policy of steps: how long to wait before each retry, and when to give up."""

import msgspec

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
