"""The sweep for lost jobs is made soon after the start, then by one worker in each interval, and outlives outages."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from aether.domain.job import Kind, Status
from aether.durable.ports import NewJob
from aether.errors import StoreUnavailableError
from aether.services.lost_job_sweeper import INTERVAL, sweep_lost_jobs, sweep_once
from tests.fakes import FastClock, MemoryJobStore
from tests.waiting import eventually


@dataclass
class ScriptedLostJobs:
    """Loses these jobs, and counts what is asked of it; `outages` is how many sweeps meet an unavailable store."""

    lost: dict[str, int] = field(default_factory=dict)
    outages: int = 0
    is_swept: bool = False
    begun: list[timedelta] = field(default_factory=list)
    sweeps: int = 0
    requeued: list[set[str]] = field(default_factory=list)

    async def begin_sweep(self, interval: timedelta) -> bool:
        self.begun.append(interval)
        return not self.is_swept

    async def find_lost(self) -> Collection[str]:
        self.sweeps += 1
        if self.sweeps <= self.outages:
            raise StoreUnavailableError("OOM")
        return set(self.lost)

    async def requeue(self, job_ids: Collection[str]) -> Mapping[str, int]:
        self.requeued.append(set(job_ids))
        return {job_id: self.lost[job_id] for job_id in job_ids}


async def run_until(lost: ScriptedLostJobs, clock: FastClock, rounds: int) -> None:
    task = asyncio.create_task(sweep_lost_jobs(lost, MemoryJobStore(), clock))
    await eventually(lambda: len(lost.begun) >= rounds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_sweeps_soon_and_then_in_each_interval() -> None:
    lost, clock = ScriptedLostJobs(), FastClock()
    await run_until(lost, clock, 4)

    first, *others = clock.slept
    assert 20 < first < 40
    assert all(0.7 < seconds / INTERVAL.total_seconds() < 1.3 for seconds in others)
    assert lost.sweeps >= 3


async def test_it_sweeps_not_if_another_worker_does() -> None:
    lost = ScriptedLostJobs(is_swept=True)
    await run_until(lost, FastClock(), 3)

    assert (lost.sweeps, lost.begun[0] < INTERVAL) == (0, True)


async def test_it_goes_on_after_an_outage() -> None:
    lost = ScriptedLostJobs({"a": 1}, outages=2)
    await run_until(lost, FastClock(), 4)

    assert lost.requeued[0] == {"a"}


async def test_what_is_lost_is_queued_again_only_some_seconds_later() -> None:
    lost, clock = ScriptedLostJobs({"a": 1}), FastClock()
    await sweep_once(lost, MemoryJobStore(), clock)

    assert (lost.requeued, clock.slept) == ([{"a"}], [10.0])


async def test_what_is_lost_for_the_fourth_time_fails() -> None:
    store = MemoryJobStore()
    for job_id in ("a", "b"):
        await store.create(NewJob(job_id, Kind.REPORT, "ada", b"{}"))
    await sweep_once(ScriptedLostJobs({"a": 3, "b": 4, "gone": 4}), store, FastClock())

    assert [store.jobs[job_id].status for job_id in ("a", "b")] == [Status.PENDING, Status.FAILED]
    assert store.jobs["b"].problem is not None
    assert store.jobs["b"].problem.type == "lost"
