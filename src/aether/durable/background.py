"""Background tasks that are restarted when they fail, until their block ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Self

import structlog

_RESTART_PAUSE_S = 0.2
_CANCEL_TIMEOUT_S = 0.5  # enough for a task to clean up

Work = Callable[[], Coroutine[None, None, None]]

log = structlog.get_logger()


class BackgroundTasks:
    """Runs coroutine functions while the block lasts; one that raises is logged and started again, until it returns.

    Each function handles its expected failures itself. Any other exception is a defect, but must not stop the work.
    """

    def __init__(self, *works: Work) -> None:
        self._works = works
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    async def _run_until_done(self, work: Work) -> None:
        while not self._ending:
            try:
                await work()
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                log.exception("background.failed")  # not requested: it leaked out of some call
            except Exception:
                log.exception("background.failed")
            else:
                return
            await asyncio.sleep(_RESTART_PAUSE_S)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._run_until_done(work)) for work in self._works]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel the tasks until all have ended.

        Cancelling once is not enough. In Python 3.11, `asyncio.wait_for` (redis-py sends with it) drops a cancellation
        that arrives just as the send completes, and a `TaskGroup` drops one that arrives while an error ends it.
        """
        self._ending = True
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _done, running = await asyncio.wait(running, timeout=_CANCEL_TIMEOUT_S)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
