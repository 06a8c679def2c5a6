"""What one watcher of a job is still to be told."""

import asyncio

from aether.adapters.redis.hub.deltas import merged
from aether.durable.change_hub import Delta

_MOST_STEPS = 64


class Watch:
    """The changes and texts of one job, for one reader who takes them in its own time.

    Changes that are not taken are replaced by the newest. Text that is not taken is joined, one piece for each step;
    where there is too much of it, the earlier is dropped. `reads` counts the reads of the record that had begun when
    the version was learnt: one that began later knows better.
    """

    __slots__ = ("_closed", "_keep_alive_s", "_reads", "_texts", "_told", "_version", "_waiting")

    def __init__(self, after: int, keep_alive_s: float, reads: int) -> None:
        self._told = after
        self._version = after
        self._keep_alive_s = keep_alive_s
        self._reads = reads
        self._texts: dict[str, Delta] = {}
        self._closed = False
        self._waiting: asyncio.Future[None] | None = None

    def learn(self, version: int, reads: int, read: int = 0) -> bool:
        """Take a version that was said, or found by the given read; False if it is a doubtful one.

        Versions only grow, unless the server has lost some or the job itself. So a lower one is either old news, or
        found by a read that began when the higher was known already.
        """
        if version == self._version:
            return True
        if version < self._version and read <= self._reads:
            return False
        self._version, self._reads = version, reads
        self._wake()
        return True

    def hear(self, delta: Delta) -> None:
        """Take a piece of text."""
        self._texts[delta.step] = merged(self._texts.pop(delta.step, None), delta)
        if len(self._texts) > _MOST_STEPS:
            del self._texts[next(iter(self._texts))]
        self._wake()

    def close(self) -> None:
        """End the iteration."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> int | Delta | None:
        if not (self._closed or self._texts or self._version != self._told):
            await self._wait()
        if self._closed:
            raise StopAsyncIteration
        if self._version != self._told:
            self._told = self._version
            return self._told
        return self._texts.pop(next(iter(self._texts))) if self._texts else None

    async def _wait(self) -> None:
        # A bare future and a timer, no task: there are thousands of these.
        self._waiting = waiting = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._keep_alive_s):
                await waiting
        except TimeoutError:
            pass
        finally:
            if self._waiting is waiting:  # who was cancelled may come here behind who waits now
                self._waiting = None
