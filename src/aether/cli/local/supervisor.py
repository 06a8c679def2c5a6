"""Several children of one kind: kept running, and stopped together."""

import asyncio
from collections.abc import Awaitable, Callable

from aether.adapters.local.child_process import ChildProcess, Supervisor
from aether.errors import ConfigurationError

MISCONFIGURED = 2
"""The exit status of a child that cannot work as configured, and so need not be started again."""

Launch = Callable[[], Awaitable[ChildProcess]]


async def keep_running(name: str, launch: Launch, count: int, stop: asyncio.Event) -> None:
    """Keep `count` children running until `stop` is set, then stop all at the same time, each as its leash says.

    What dies before is started again, with growing pauses. Cancelled, this kills them and returns only when they are
    gone.

    Raises:
        ConfigurationError: a child ended as misconfigured; `stop` was set and the others stopped.
    """
    crew = _Crew(name, launch, stop)
    working = asyncio.create_task(crew.work(count))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        crew.kill()
        await working
        raise
    if crew.misconfigured:
        raise ConfigurationError(f"A {name} process cannot work as configured; its own message says why.")


class _Crew:
    def __init__(self, name: str, launch: Launch, stop: asyncio.Event) -> None:
        self._name = name
        self._launch = launch
        self._stop = stop
        self._watches: dict[ChildProcess, asyncio.Task[None]] = {}
        self.misconfigured = False

    async def work(self, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._keep_one())
        await asyncio.gather(*self._watches.values())

    def kill(self) -> None:
        """End every child with all that it started, and start no other."""
        self._stop.set()
        for process in self._watches:
            process.kill()

    async def _keep_one(self) -> None:
        async with Supervisor(self._name, self._start):
            await self._stop.wait()

    async def _start(self) -> ChildProcess:
        process = await self._launch()
        self._watches[process] = asyncio.create_task(self._watch(process))
        return process

    async def _watch(self, process: ChildProcess) -> None:
        status = await process.wait()
        del self._watches[process]
        if status == MISCONFIGURED and not self._stop.is_set():
            self.misconfigured = True
            self._stop.set()
