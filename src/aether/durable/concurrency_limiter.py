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
_SHARE = 4


class SharedSlots:
    """Slots of several limiters together: dynamic thresholds (Choudhury and Hahne, 1998).

    A limiter gets a slot while it holds fewer than four times as many as are free. So one alone gets up to `ceiling`,
    however long its calls take, and always leaves some for the others, who leave some in turn: the `capacity` is a
    quarter larger. A slot that becomes free goes to the limiter that holds the fewest.
    """

    def __init__(self, ceiling: int) -> None:
        self.capacity = ceiling + max(1, ceiling // _SHARE)
        self._free = self.capacity
        self._waiting: dict[ConcurrencyLimiter, None] = {}

    def has_room(self, held: int) -> bool:
        """Whether a limiter that holds so many slots may take one more."""
        return held < _SHARE * self._free

    def take(self) -> None:
        """Take a slot."""
        self._free -= 1

    def give_back(self, limiter: "ConcurrencyLimiter") -> None:
        """Give a slot back, which the limiter itself may take first if no other waits."""
        self._free += 1
        if self._waiting:
            for waiting in sorted({**self._waiting, limiter: None}, key=lambda each: each.in_flight):
                waiting.grant()
        else:
            limiter.grant()

    def wait(self, limiter: "ConcurrencyLimiter", *, waits: bool) -> None:
        """Remember or forget that a limiter waits for a slot."""
        if waits:
            self._waiting[limiter] = None
        elif self._waiting:
            self._waiting.pop(limiter, None)


class ConcurrencyLimiter:
    """One limit on concurrent calls for all jobs of a worker: additive increase, multiplicative decrease (AIMD).

    Each call also takes one of the `slots`, which several limiters may share.

    The limit shrinks only when the server has rejected a good part of the latest calls. A server that rejects a call
    now and then would not serve fewer calls any better.

    A free slot goes to the job with the fewest waiting calls, so that a short job does not starve behind a long one,
    and jobs end one after another instead of all at the end. Every fourth slot goes to the job that has waited longest,
    so that a long job does not starve either.
    """

    def __init__(self, ceiling: int, clock: Clock, slots: SharedSlots | None = None) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._slots = slots or SharedSlots(ceiling)
        self._limit = float(ceiling)
        self._granted = 0
        self._rejected_share = 0.0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._paused_until = float("-inf")
        self._resuming: asyncio.Task[None] | None = None
        self._shrunk_at = float("-inf")
        self.in_flight = 0

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
        if not self._waiting and not self.pause and self._has_room():
            self._take()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, deque()).append(turn)
        self.grant()
        try:
            await turn
        except asyncio.CancelledError:
            self._withdraw(job_id, turn)
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1
        self._slots.give_back(self)

    def _has_room(self) -> bool:
        return self.in_flight < self.limit and self._slots.has_room(self.in_flight)

    def _take(self) -> None:
        self.in_flight += 1
        self._slots.take()

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
                self._slots.wait(self, waits=bool(self._waiting))

    def grant(self) -> None:
        """Start waiting calls, as many as may start now."""
        if self.pause > 0:
            self._slots.wait(self, waits=False)
            self._resume_after(self.pause)
            return
        while self._waiting and self._has_room():
            job_id = self._next_job()
            turns = self._waiting[job_id]
            turn = turns.popleft()
            if not turns:
                del self._waiting[job_id]
            # A cancelled wait stays in the queue until its task has run.
            if not turn.cancelled():
                turn.set_result(None)
                self._take()
        self._slots.wait(self, waits=bool(self._waiting))

    def _resume_after(self, pause: float) -> None:
        if self._resuming is None or self._resuming.done():
            self._resuming = asyncio.create_task(self._resume(pause))

    async def _resume(self, pause: float) -> None:
        while pause > 0:
            await self._clock.sleep(pause)
            pause = self._paused_until - self._clock.monotonic()
        self._resuming = None
        self.grant()

    def _next_job(self) -> str:
        self._granted += 1
        if self._granted % 4 == 0:
            return next(iter(self._waiting))
        return min(self._waiting, key=lambda job_id: len(self._waiting[job_id]))


class ModelLimiters:
    """A limiter for each model of a server, on slots that they share.

    The limits and pauses of one model hold back no call of another, and neither do calls that are not answered. Callers
    choose the names of models, so only the limiters of those used last are kept.
    """

    def __init__(self, ceiling: int, clock: Clock) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._slots = SharedSlots(ceiling)
        self._limiters: dict[str, ConcurrencyLimiter] = {}

    def limiter(self, model: str) -> ConcurrencyLimiter:
        """Return the limiter of the model."""
        limiter = self._limiters.pop(model, None) or ConcurrencyLimiter(self._ceiling, self._clock, self._slots)
        self._limiters[model] = limiter
        if len(self._limiters) > _MAX_MODELS:
            del self._limiters[next(iter(self._limiters))]
        return limiter
