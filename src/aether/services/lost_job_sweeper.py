"""Lost job sweeper: queues jobs again whose queue entries the store has lost, so that no job waits for ever."""

import random
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog

from aether.domain.job import Change, Problem, Status
from aether.durable.ports import Clock, JobStore
from aether.errors import IllegalMoveError, StoreUnavailableError, UnknownJobError

INTERVAL = timedelta(minutes=5)
_FIRST_S = 30.0
_CONFIRM_S = 10.0
"""How long a job must be lost. A worker that still runs it writes its entry back with one of its next heartbeats."""
_MAX_TIMES = 3

log = structlog.get_logger()


class LostJobStore(Protocol):
    """A job store that can lose a part of its data. Its methods raise StoreUnavailableError."""

    async def begin_sweep(self, interval: timedelta) -> bool:
        """Return whether this process is to sweep now: no other has begun to do so within the interval."""
        ...

    async def find_lost(self) -> Collection[str]:
        """Return the jobs that wait or run, but are neither queued nor held by a worker."""
        ...

    async def requeue(self, job_ids: Collection[str]) -> Mapping[str, int]:
        """Queue those that are still lost, and return for each of them how often that has been done with it.

        The check and the change are one step, so a job that is queued or runs is never queued twice.
        """
        ...


async def sweep_lost_jobs(lost: LostJobStore, jobs: JobStore, clock: Clock) -> None:
    """Sweep soon after the start, and then once in each interval over all workers, until cancelled."""
    await clock.sleep(_FIRST_S * _jitter())
    while True:
        try:
            if await lost.begin_sweep(INTERVAL * 0.5):
                await sweep_once(lost, jobs, clock)
        except StoreUnavailableError as error:
            log.warning("jobs.unswept", reason=error.what)
        await clock.sleep(INTERVAL.total_seconds() * _jitter())


async def sweep_once(lost: LostJobStore, jobs: JobStore, clock: Clock) -> None:
    """Queue again what was lost now and some seconds later; fail what is lost again and again.

    Raises:
        StoreUnavailableError: the store is unavailable.
    """
    found = await lost.find_lost()
    if not found:
        return
    await clock.sleep(_CONFIRM_S)
    for job_id, times in (await lost.requeue(found)).items():
        log.warning("job.requeued", job_id=job_id, times=times)
        if times > _MAX_TIMES:
            why = f"The job store lost the job's place in the queue {times} times."
            with suppress(UnknownJobError, IllegalMoveError):
                await jobs.move(job_id, Change(status=Status.FAILED, problem=Problem("lost", why)))


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - no secret depends on it
