"""Fan-out: tasks that run concurrently; when one fails, those that have not started their call stop."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class FanOut(Generic[T]):
    """Concurrent tasks; the first failure cancels those that wait, but no call in progress: it is paid for already."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[T]] = []
        self._protected: set[asyncio.Task[object] | None] = set()
        self._failure: BaseException | None = None

    @property
    def has_failed(self) -> bool:
        """Whether a task has failed, so that no new call should start."""
        return self._failure is not None

    def fail(self, failure: BaseException) -> None:
        """Cancel all unprotected tasks but the current one, because of this failure; only the first failure counts."""
        if self.has_failed:
            return
        self._failure = failure
        for task in self._tasks:
            if task not in self._protected and task is not asyncio.current_task():
                task.cancel()

    @contextmanager
    def protect(self) -> Iterator[None]:
        """Let the current task finish the block even if another task fails."""
        task = asyncio.current_task()
        self._protected.add(task)
        try:
            yield
        finally:
            self._protected.discard(task)

    def start(self, coroutine: Coroutine[None, None, T]) -> None:
        """Start a task."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(self._on_done)
        self._tasks.append(task)

    async def results(self) -> list[T]:
        """Wait for all tasks; return their results in the order they were started, or raise the first failure."""
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            await self._cancel_all()
        if self._failure is not None:
            raise self._failure
        return [task.result() for task in self._tasks]

    async def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self.fail(failure)
