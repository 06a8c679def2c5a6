"""Work in the background: it goes on whatever happens to it, and ends when it is told to."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Self

import structlog

_PAUSE_S = 0.2
_PATIENCE_S = 0.5  # enough to take something back on the way out

Work = Callable[[], Coroutine[None, None, None]]

log = structlog.get_logger()


class Background:
    """Work that is done while the block lasts, each from its beginning again if it fails, until it returns.

    What may be expected to fail it handles itself. The rest is a defect: it is logged, and nobody is left deaf by it.
    """

    def __init__(self, *works: Work) -> None:
        self._works = works
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    async def _persist(self, work: Work) -> None:
        while not self._ending:
            try:
                await work()
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                log.exception("background.failed")  # one that nobody asked for has leaked out of some call
            except Exception:
                log.exception("background.failed")
            else:
                return
            await asyncio.sleep(_PAUSE_S)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._persist(work)) for work in self._works]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel until all have ended.

        Once is not enough: `asyncio.wait_for`, with which redis-py sends, drops in Python 3.11 a cancellation that
        comes just as the sending is done, and a `TaskGroup` one that comes while an error ends it.
        """
        self._ending = True
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _done, running = await asyncio.wait(running, timeout=_PATIENCE_S)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
