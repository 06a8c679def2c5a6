"""Supervisor of several child processes: restarts those that die, and stops all together."""

import asyncio
from collections.abc import Awaitable, Callable

from aether.adapters.local.child_process import ChildProcess, ChildSupervisor
from aether.errors import ConfigurationError

MISCONFIGURED = 2
"""The exit status of a child process that cannot work as configured; it is not restarted."""

Launch = Callable[[], Awaitable[ChildProcess]]


async def keep_running(name: str, launch: Launch, count: int, stop: asyncio.Event) -> None:
    """Keep `count` child processes running until `stop` is set, then stop all at the same time.

    A process that dies before is restarted, with growing pauses. If this task is cancelled, it kills the processes and
    returns when they are gone.

    Raises:
        ConfigurationError: a child ended as misconfigured; `stop` was set and the others stopped.
    """
    pool = _ProcessPool(name, launch, stop)
    running = asyncio.create_task(pool.run(count))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        pool.kill()
        await running
        raise
    if pool.misconfigured:
        raise ConfigurationError(f"A {name} process cannot work as configured; its own message says why.")


class _ProcessPool:
    def __init__(self, name: str, launch: Launch, stop: asyncio.Event) -> None:
        self._name = name
        self._launch = launch
        self._stop = stop
        self._waits: dict[ChildProcess, asyncio.Task[None]] = {}
        self.misconfigured = False

    async def run(self, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._supervise_one())
        await asyncio.gather(*self._waits.values())

    def kill(self) -> None:
        """Kill every child with all that it started, and start no other."""
        self._stop.set()
        for process in self._waits:
            process.kill()

    async def _supervise_one(self) -> None:
        async with ChildSupervisor(self._name, self._start):
            await self._stop.wait()

    async def _start(self) -> ChildProcess:
        process = await self._launch()
        self._waits[process] = asyncio.create_task(self._wait(process))
        return process

    async def _wait(self, process: ChildProcess) -> None:
        status = await process.wait()
        del self._waits[process]
        if status == MISCONFIGURED and not self._stop.is_set():
            self.misconfigured = True
            self._stop.set()
