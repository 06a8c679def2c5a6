"""Watch: the changes and deltas of one job that one reader has not read yet."""

import asyncio

from aether.adapters.redis.hub.deltas import merge_deltas
from aether.durable.change_hub import Delta

_MAX_STEPS = 64


class Watch:
    """An iterator over the versions and deltas of one job, for one reader at its own pace.

    Of unread versions only the latest is kept. Unread deltas are merged, one for each step; if there are too many
    steps, the earliest is dropped. `reads` counts reads of the record: it is the number of reads that had begun when
    the version became known. The result of a read that began later is more recent.
    """

    __slots__ = ("_closed", "_deltas", "_keep_alive_s", "_reads", "_returned_version", "_version", "_wakeup")

    def __init__(self, after: int, keep_alive_s: float, reads: int) -> None:
        self._returned_version = after
        self._version = after
        self._keep_alive_s = keep_alive_s
        self._reads = reads
        self._deltas: dict[str, Delta] = {}
        self._closed = False
        self._wakeup: asyncio.Future[None] | None = None

    def set_version(self, version: int, reads: int, read: int = 0) -> bool:
        """Set a version from a message, or from the read with this number; False if the record must be read again.

        Versions only grow, unless the server lost writes or the job is gone. So a lower version is either an old
        message, or correct if it comes from a read that began after the higher version became known.
        """
        if version == self._version:
            return True
        if version < self._version and read <= self._reads:
            return False
        self._version, self._reads = version, reads
        self._wake()
        return True

    def add_delta(self, delta: Delta) -> None:
        """Add a piece of text."""
        self._deltas[delta.step] = merge_deltas(self._deltas.pop(delta.step, None), delta)
        if len(self._deltas) > _MAX_STEPS:
            del self._deltas[next(iter(self._deltas))]
        self._wake()

    def close(self) -> None:
        """End the iteration."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> int | Delta | None:
        if not (self._closed or self._deltas or self._version != self._returned_version):
            await self._wait()
        if self._closed:
            raise StopAsyncIteration
        if self._version != self._returned_version:
            self._returned_version = self._version
            return self._version
        return self._deltas.pop(next(iter(self._deltas))) if self._deltas else None

    async def _wait(self) -> None:
        # A bare future and a timer instead of a task, since thousands of readers wait at a time.
        self._wakeup = wakeup = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._keep_alive_s):
                await wakeup
        except TimeoutError:
            pass
        finally:
            if self._wakeup is wakeup:  # after a cancellation another wait may have begun already
                self._wakeup = None
