"""Concurrency limiters: bound how many calls of each model, and of all together, a worker has in flight."""

import asyncio
from collections import deque

from aether.durable.ports import Clock

_SMOOTHING = 0.1
"""Weight of the latest call in the moving average of rejected calls."""
_MAX_REJECTED_SHARE = 0.25
_GROWTH = 0.1
_MIN_SHRINK_INTERVAL_S = 1.0
_MAX_MODELS = 1_000


class ConcurrencyLimiter:
    """One limit on concurrent calls for all jobs of a worker: additive increase, multiplicative decrease (AIMD).

    With a `total`, a call also takes a slot of that limiter, which several limiters share.

    The limit shrinks only when the server has rejected a good part of the latest calls. A server that rejects a call
    now and then would not serve fewer calls any better.

    A free slot goes to the job with the fewest waiting calls, so that a short job does not starve behind a long one,
    and jobs end one after another instead of all at the end. Every fourth slot goes to the job that has waited longest,
    so that a long job does not starve either.
    """

    def __init__(self, ceiling: int, clock: Clock, total: "ConcurrencyLimiter | None" = None) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._total = total
        self._limit = float(ceiling)
        self._in_flight = 0
        self._granted = 0
        self._rejected_share = 0.0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._paused_until = float("-inf")
        self._resuming: asyncio.Task[None] | None = None
        self._shrunk_at = float("-inf")

    @property
    def limit(self) -> int:
        """The number of calls that may be in flight now."""
        return max(1, int(self._limit))

    @property
    def pause(self) -> float:
        """The seconds for which no call may start, because the server asked for a pause."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    async def acquire(self, job_id: str) -> None:
        """Wait for a slot and take it; a cancelled wait holds none."""
        await self._acquire_own(job_id)
        if self._total is None:
            return
        try:
            await self._total.acquire(job_id)
        except asyncio.CancelledError:
            self._release_own()
            raise
        if self.pause > 0:  # it began while this call waited for the total
            self.release()
            await self.acquire(job_id)

    def release(self) -> None:
        """Give a slot back."""
        if self._total is not None:
            self._total.release()
        self._release_own()

    async def _acquire_own(self, job_id: str) -> None:
        if not self._waiting and self._in_flight < self.limit and not self.pause:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, deque()).append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            self._withdraw(job_id, turn)
            raise

    def _release_own(self) -> None:
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
            self._release_own()
        elif turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[job_id]

    def _grant(self) -> None:
        if self.pause > 0:
            self._resume_after(self.pause)
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


class ModelLimiters:
    """A limiter for each model of a server, and a total over all of them.

    The limits and pauses of one model hold back no call of another. Callers choose the names of models, so only the
    limiters of those used last are kept.
    """

    def __init__(self, ceiling: int, clock: Clock, total: ConcurrencyLimiter | None = None) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._total = total or ConcurrencyLimiter(ceiling, clock)
        self._limiters: dict[str, ConcurrencyLimiter] = {}

    def limiter(self, model: str) -> ConcurrencyLimiter:
        """Return the limiter of the model."""
        limiter = self._limiters.pop(model, None) or ConcurrencyLimiter(self._ceiling, self._clock, self._total)
        self._limiters[model] = limiter
        if len(self._limiters) > _MAX_MODELS:
            del self._limiters[next(iter(self._limiters))]
        return limiter
