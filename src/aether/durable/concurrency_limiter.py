"""Concurrency limiter: bounds how many model calls a worker has in flight, over all its jobs."""

import asyncio
from collections import deque
from collections.abc import Awaitable

from aether.durable.ports import Clock

_SMOOTHING = 0.1
"""Weight of the latest call in the moving average of rejected calls."""
_MAX_REJECTED_SHARE = 0.25
_GROWTH = 0.1
_MIN_SHRINK_INTERVAL_S = 1.0


class ConcurrencyLimiter:
    """One limit on concurrent calls for all jobs of a worker: additive increase, multiplicative decrease (AIMD).

    The limit shrinks only when the server has rejected a good part of the latest calls. A server that rejects a call
    now and then would not serve fewer calls any better.

    A free slot goes to the job with the fewest waiting calls, so that a short job does not starve behind a long one,
    and jobs end one after another instead of all at the end. Every fourth slot goes to the job that has waited longest,
    so that a long job does not starve either.
    """

    def __init__(self, ceiling: int, clock: Clock) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._limit = float(ceiling)
        self._in_flight = 0
        self._granted = 0
        self._rejected_share = 0.0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._paused_until = 0.0
        self._resuming: asyncio.Task[None] | None = None
        self._shrunk_at = float("-inf")

    @property
    def limit(self) -> int:
        """The number of calls that may be in flight now."""
        return max(1, int(self._limit))

    def slot(self, job_id: str) -> "Slot":
        """Return a context manager that waits for a slot and holds it."""
        return Slot(self, job_id)

    async def acquire(self, job_id: str) -> None:
        """Wait for a slot and take it; a cancelled wait holds none."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, deque()).append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            self._withdraw(job_id, turn)
            raise

    def release(self) -> None:
        """Give a slot back."""
        self._in_flight -= 1
        self._grant()

    def record_success(self) -> None:
        """Raise the limit: by a tenth of the ceiling for each round of `limit` successful calls."""
        self._rejected_share *= 1 - _SMOOTHING
        self._limit = min(float(self._ceiling), self._limit + max(1.0, self._ceiling * _GROWTH) / self._limit)

    def record_overload(self, pause: float | None) -> None:
        """Halve the limit if many calls are rejected; pause all calls for the `pause` that the server asked for."""
        now = self._clock.monotonic()
        self._rejected_share += _SMOOTHING * (1 - self._rejected_share)
        # Rejections of calls that were in flight together count as one.
        if self._rejected_share > _MAX_REJECTED_SHARE and now - self._shrunk_at > _MIN_SHRINK_INTERVAL_S:
            self._limit = max(1.0, self._limit / 2)
            self._shrunk_at = now
            self._rejected_share = 0.0
        if pause:
            self._paused_until = max(self._paused_until, now + pause)

    def _withdraw(self, job_id: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(job_id, deque())
        if turn.done() and not turn.cancelled():
            self.release()
        elif turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[job_id]

    def _grant(self) -> None:
        pause = self._paused_until - self._clock.monotonic()
        if pause > 0:
            self._resume_after(pause)
            return
        while self._waiting and self._in_flight < self.limit:
            job_id = self._next_job()
            turns = self._waiting[job_id]
            turn = turns.popleft()
            if not turns:
                del self._waiting[job_id]
            # A cancelled wait stays in the queue until its task has run.
            if not turn.cancelled():
                turn.set_result(None)
                self._in_flight += 1

    def _resume_after(self, pause: float) -> None:
        if self._resuming is None or self._resuming.done():
            self._resuming = asyncio.create_task(self._resume(pause))

    async def _resume(self, pause: float) -> None:
        while pause > 0:
            await self._clock.sleep(pause)
            pause = self._paused_until - self._clock.monotonic()
        self._resuming = None
        self._grant()

    def _next_job(self) -> str:
        self._granted += 1
        if self._granted % 4 == 0:
            return next(iter(self._waiting))
        return min(self._waiting, key=lambda job_id: len(self._waiting[job_id]))


class Slot:
    """The context manager of `ConcurrencyLimiter.slot`; small, because thousands of calls wait at the same time."""

    __slots__ = ("_job_id", "_limiter")

    def __init__(self, limiter: ConcurrencyLimiter, job_id: str) -> None:
        self._limiter = limiter
        self._job_id = job_id

    def __aenter__(self) -> Awaitable[None]:
        return self._limiter.acquire(self._job_id)

    async def __aexit__(self, *_: object) -> None:
        self._limiter.release()
