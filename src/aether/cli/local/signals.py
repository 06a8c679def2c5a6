"""SIGTERM and SIGINT: the first asks a process to finish, the second makes it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(Exception):
    """The user asked to stop before the awaited thing came."""


class StopSignal:
    """What the signals have asked of the process so far."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = False

    async def before(self, awaited: Coroutine[Any, Any, Result]) -> Result:  # Any: nothing is sent or yielded
        """Return what is awaited, or give it up at the first signal.

        Raises:
            StoppedError: the signal came first.
        """
        task, asked = asyncio.ensure_future(awaited), asyncio.ensure_future(self.asked.wait())
        try:
            await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise StoppedError
        finally:
            await _cancelled(task, asked)

    async def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: a signal came first.
        """
        await self.before(asyncio.sleep(seconds))


@asynccontextmanager
async def stop_on_signals() -> AsyncIterator[StopSignal]:
    """Turn the first signal into `StopSignal.asked`, and the second into the cancellation of this task, until here."""
    loop, task, stop = asyncio.get_running_loop(), asyncio.current_task(), StopSignal()

    def on_signal() -> None:
        if stop.asked.is_set() and task is not None:
            stop.at_once = True
            task.cancel()
        stop.asked.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.at_once:
            raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:  # Any: of whatever result
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
