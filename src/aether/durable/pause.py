"""Pauses of a model: a run that only waits for a long one, or for a silent model, ends for another job's sake."""

from collections.abc import Iterator
from contextlib import contextmanager

from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.errors import ModelPausedError, ModelUnreachableError, TransientError

_SHORTEST_WAIT_S = 0.001


class PauseGuard:
    """Knows what the steps of one run are doing, and raises ModelPausedError when all of them wait for a long pause.

    Calls in progress are paid for already, so the run stays until they have ended and are recorded. A model that has
    not answered for as long counts as paused until the next attempt.
    """

    def __init__(self, limiter: ConcurrencyLimiter, max_pause: float) -> None:
        self._limiter = limiter
        self._max_pause = max_pause
        self._waiting = 0
        self._calling = 0
        self._silent_for = 0.0

    def answered(self) -> None:
        """The model has answered a call."""
        self._silent_for = 0.0

    def failed(self, error: TransientError, seconds: float, wait: float) -> None:
        """A call has failed after some seconds; its next attempt is due after `wait`."""
        is_silent = isinstance(error, ModelUnreachableError) and error.timed_out and seconds > self._max_pause
        self._silent_for = max(wait, _SHORTEST_WAIT_S) if is_silent else 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A step waits for its turn or for its next attempt.

        Raises:
            ModelPausedError: nothing else is left to do during the pause.
        """
        self._waiting += 1
        try:
            self._check()
            yield
        finally:
            self._waiting -= 1

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A step makes a call and records its outcome.

        Raises:
            ModelPausedError: it was the last call in progress, and other steps wait.
        """
        self._calling += 1
        try:
            yield
        finally:
            self._calling -= 1
        self._check()

    def _check(self) -> None:
        pause = self._limiter.pause
        if pause <= self._max_pause:
            pause = self._silent_for
        if pause and self._waiting and not self._calling:
            raise ModelPausedError(pause)
