"""When to try again, and when to give up."""

import msgspec

from aether.errors import ModelOverloadedError, TransientError


class RetryPolicy(msgspec.Struct, frozen=True):
    """Exponential backoff with full jitter, bounded in attempts and in time; durations are seconds.

    An overloaded server is no fault of the call: to a `patient` policy it does not use up attempts while time is left.
    Where waits are `growing`, each is longer than the one before, a server's own pause included.
    """

    attempts: int = 6
    base: float = 0.25
    cap: float = 30.0
    total: float = 600.0
    patient: bool = True
    growing: bool = False

    def counts(self, error: TransientError) -> bool:
        """Whether this failure uses up an attempt."""
        return not (self.patient and isinstance(error, ModelOverloadedError))

    def wait(
        self, failures: int, error: TransientError, elapsed: float, draw: float, last: float = 0.0
    ) -> float | None:
        """Return the seconds to wait after the latest failure, or None to give up.

        Args:
            failures: how many failures there were, this one included.
            error: the latest one; its `retry_after` is the least wait.
            elapsed: since the step's first call.
            draw: a random number from 0 to 1, for the jitter.
            last: the wait before this one.
        """
        least = last if self.growing else 0.0
        most = max(least, min(self.cap, max(2 * least, self.base * 2 ** min(failures - 1, 30))))
        wait = least + draw * (most - least)
        if error.retry_after is not None:
            # On top of the server's pause, so that those it sent away together do not come back together.
            wait = max(least, error.retry_after + min(wait, self.base))
        return None if elapsed + wait > self.total else wait
