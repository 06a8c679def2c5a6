"""Signals: the first SIGTERM or SIGINT asks the process to finish, the second stops it at once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(Exception):
    """A signal came before the awaited result."""


class StopSignal:
    """The state of the signals: whether one has come, and whether a second one has."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.immediate = False

    async def interruptible(
        self, coroutine: Coroutine[Any, Any, ResultT]
    ) -> ResultT:  # Any: nothing is sent or yielded
        """Return the result of the coroutine, or cancel it at the first signal.

        Raises:
            StoppedError: the signal came first.
        """
        task, requested = asyncio.ensure_future(coroutine), asyncio.ensure_future(self.requested.wait())
        try:
            await asyncio.wait((task, requested), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise StoppedError
        finally:
            await _cancel(task, requested)

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: a signal came first.
        """
        await self.interruptible(asyncio.sleep(seconds))


@asynccontextmanager
async def stop_on_signals() -> AsyncIterator[StopSignal]:
    """Within the context, set `StopSignal.requested` at the first signal; at the second, cancel this task.

    The cancellation ends at the context's end.
    """
    loop, task, stop = asyncio.get_running_loop(), asyncio.current_task(), StopSignal()

    def on_signal() -> None:
        if stop.requested.is_set() and task is not None:
            stop.immediate = True
            task.cancel()
        stop.requested.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.immediate:
            raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:  # Any: of whatever result
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
