"""How many model calls a worker has in flight, whoever's they are."""

import asyncio
from collections import deque
from collections.abc import Awaitable

from aether.durable.ports import Clock

_WEIGHT = 0.1
"""Of the latest call in the running share of calls that were turned away."""
_TOO_MANY = 0.25
_GROWTH = 0.1


class ConcurrencyLimiter:
    """One limit on concurrent calls for all jobs of a worker: additive increase, multiplicative decrease.

    A server that turns a call away now and then has no more to give to fewer calls: the limit shrinks when a good part
    of the latest calls was turned away.

    Free slots go to the job with the fewest calls waiting, so that a short one behind a long one is not starved and
    jobs end one after another instead of all at the end; every fourth goes to the job that has waited longest, so that
    a long one is not starved either.
    """

    def __init__(self, ceiling: int, clock: Clock) -> None:
        self._ceiling = ceiling
        self._clock = clock
        self._limit = float(ceiling)
        self._in_flight = 0
        self._granted = 0
        self._turned_away = 0.0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._paused_until = 0.0
        self._resuming: asyncio.Task[None] | None = None
        self._shrunk_at = float("-inf")

    @property
    def limit(self) -> int:
        """How many calls may be in flight now."""
        return max(1, int(self._limit))

    def slot(self, job_id: str) -> "Slot":
        """Hold one of the slots; waits for its turn."""
        return Slot(self, job_id)

    async def enter(self, job_id: str) -> None:
        """Take a slot; waits for its turn. A cancelled wait leaves nothing to give back."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, deque()).append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            self._step_aside(job_id, turn)
            raise

    def leave(self) -> None:
        """Give a slot back."""
        self._in_flight -= 1
        self._grant()

    def succeeded(self) -> None:
        """Let the limit grow: by a tenth of the ceiling for every round of calls that all went well."""
        self._turned_away *= 1 - _WEIGHT
        self._limit = min(float(self._ceiling), self._limit + max(1.0, self._ceiling * _GROWTH) / self._limit)

    def overloaded(self, pause: float | None) -> None:
        """Halve the limit if this is no exception, and pause all for as long as the server asks."""
        now = self._clock.monotonic()
        self._turned_away += _WEIGHT * (1 - self._turned_away)
        # Calls that were in flight together are one piece of news.
        if self._turned_away > _TOO_MANY and now - self._shrunk_at > 1.0:
            self._limit = max(1.0, self._limit / 2)
            self._shrunk_at = now
            self._turned_away = 0.0
        if pause:
            self._paused_until = max(self._paused_until, now + pause)

    def _step_aside(self, job_id: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(job_id, deque())
        if turn.done() and not turn.cancelled():
            self.leave()
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
            # One that was cancelled stands here until its task has run.
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
    """What `ConcurrencyLimiter.slot` gives: small, since thousands of calls wait in one at the same time."""

    __slots__ = ("_job_id", "_throttle")

    def __init__(self, throttle: ConcurrencyLimiter, job_id: str) -> None:
        self._throttle = throttle
        self._job_id = job_id

    def __aenter__(self) -> Awaitable[None]:
        return self._throttle.enter(self._job_id)

    async def __aexit__(self, *_: object) -> None:
        self._throttle.leave()
