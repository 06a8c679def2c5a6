import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.services.orphan_sweeper import sweep_orphans
from tests.fakes import FastClock, MemoryFiles, MemoryJobStore

NEW = NewJob("alive", Kind.IMAGE, "ada", b"{}")
START = FastClock().now()


@dataclass
class SweptMemory(MemoryFiles):
    """Files that stay; `sweeps` holds the limit that each sweep was given."""

    sweeps: list[datetime] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self) -> None:
        await self._answer()

    async def sweep(self, known: Callable[[Collection[str]], Awaitable[Collection[str]]], before: datetime) -> int:
        self.sweeps.append(before)
        self.changed.set()
        await self._answer()
        gone = self.kept.keys() - await known(self.kept.keys())
        self.kept = {job_id: files for job_id, files in self.kept.items() if job_id not in gone}
        return len(gone)

    async def swept(self, times: int) -> None:
        """Wait until that many sweeps have begun."""
        while len(self.sweeps) < times:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def swept(files: SweptMemory, store: MemoryJobStore, clock: FastClock) -> AsyncIterator[None]:
    sweeping = asyncio.create_task(sweep_orphans(files, store, clock))
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)


async def test_files_of_jobs_that_are_gone_are_swept_at_once() -> None:
    files, store = SweptMemory({"alive": {"a": b""}, "gone": {"a": b""}}), MemoryJobStore()
    await store.create(NEW)

    async with swept(files, store, FastClock()):
        await files.swept(2)

    assert files.kept == {"alive": {"a": b""}}


async def test_a_sweep_follows_every_hour_or_so() -> None:
    files, clock = SweptMemory(), FastClock()

    async with swept(files, MemoryJobStore(), clock):
        await files.swept(20)

    assert all(45 * 60 <= pause <= 75 * 60 for pause in clock.slept)
    assert len(set(clock.slept)) > 1


async def test_files_are_left_alone_at_first() -> None:
    files = SweptMemory()

    async with swept(files, MemoryJobStore(), FastClock()):
        await files.swept(1)

    assert timedelta(minutes=5) <= START - files.sweeps[0] <= timedelta(hours=1)


async def test_sweeping_outlasts_an_outage() -> None:
    files, store = SweptMemory({"gone": {"a": b""}}, away=True), MemoryJobStore()

    async with swept(files, store, FastClock()):
        await files.swept(2)
        files.away, store.away = False, True
        await files.swept(len(files.sweeps) + 2)
        store.away = False
        await files.swept(len(files.sweeps) + 2)

    assert files.kept == {}
