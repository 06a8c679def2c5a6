import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.services.orphan_sweeper import FindExisting, sweep_orphans
from tests.fakes import FastClock, MemoryFiles, MemoryJobStore

NEW = NewJob("alive", Kind.IMAGE, "ada", b"{}")
START = FastClock().now()


@dataclass
class SweepableMemoryFiles(MemoryFiles):
    """A sweepable file store; `sweeps` holds the `before` of each sweep."""

    sweeps: list[datetime] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self) -> None:
        await self._answer()

    async def sweep(self, find_existing: FindExisting, before: datetime) -> int:
        self.sweeps.append(before)
        self.started.set()
        await self._answer()
        gone = self.files.keys() - await find_existing(self.files.keys())
        self.files = {job_id: contents for job_id, contents in self.files.items() if job_id not in gone}
        return len(gone)

    async def wait_for_sweeps(self, times: int) -> None:
        """Wait until this many sweeps have started."""
        while len(self.sweeps) < times:
            self.started.clear()
            await self.started.wait()


@asynccontextmanager
async def sweeping(files: SweepableMemoryFiles, store: MemoryJobStore, clock: FastClock) -> AsyncIterator[None]:
    task = asyncio.create_task(sweep_orphans(files, store, clock))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_files_of_missing_jobs_are_deleted() -> None:
    files, store = SweepableMemoryFiles({"alive": {"a": b""}, "gone": {"a": b""}}), MemoryJobStore()
    await store.create(NEW)

    async with sweeping(files, store, FastClock()):
        await files.wait_for_sweeps(2)

    assert files.files == {"alive": {"a": b""}}


async def test_sweeps_follow_about_every_hour_with_jitter() -> None:
    files, clock = SweepableMemoryFiles(), FastClock()

    async with sweeping(files, MemoryJobStore(), clock):
        await files.wait_for_sweeps(20)

    assert all(45 * 60 <= pause <= 75 * 60 for pause in clock.slept)
    assert len(set(clock.slept)) > 1


async def test_recent_files_are_kept() -> None:
    files = SweepableMemoryFiles()

    async with sweeping(files, MemoryJobStore(), FastClock()):
        await files.wait_for_sweeps(1)

    assert timedelta(minutes=5) <= START - files.sweeps[0] <= timedelta(hours=1)


async def test_sweeping_continues_after_an_outage() -> None:
    files, store = SweepableMemoryFiles({"gone": {"a": b""}}, is_unavailable=True), MemoryJobStore()

    async with sweeping(files, store, FastClock()):
        await files.wait_for_sweeps(2)
        files.is_unavailable, store.is_unavailable = False, True
        await files.wait_for_sweeps(len(files.sweeps) + 2)
        store.is_unavailable = False
        await files.wait_for_sweeps(len(files.sweeps) + 2)

    assert files.files == {}
