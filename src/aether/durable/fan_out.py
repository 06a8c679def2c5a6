"""Steps that run side by side and share one fate."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class FanOut(Generic[T]):
    """Tasks of which the first failure stops those that wait, but none whose call is under way: it is paid for."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[T]] = []
        self._busy: set[asyncio.Task[object] | None] = set()
        self._failure: BaseException | None = None

    @property
    def halted(self) -> bool:
        """Whether one has failed, so that nothing new should be begun."""
        return self._failure is not None

    def halt(self, failure: BaseException) -> None:
        """Let this failure stop all that wait, unless another came first; the one that reports it is spared."""
        if self.halted:
            return
        self._failure = failure
        for sibling in self._tasks:
            if sibling not in self._busy and sibling is not asyncio.current_task():
                sibling.cancel()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let the current task go on to the end of the block even if a sibling fails."""
        task = asyncio.current_task()
        self._busy.add(task)
        try:
            yield
        finally:
            self._busy.discard(task)

    def start(self, work: Coroutine[None, None, T]) -> None:
        """Begin one more."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._halt_on_failure)
        self._tasks.append(task)

    async def results(self) -> list[T]:
        """Wait for all and return their results in the order in which they were started, or raise the first failure."""
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure
        return [task.result() for task in self._tasks]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _halt_on_failure(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self.halt(failure)
