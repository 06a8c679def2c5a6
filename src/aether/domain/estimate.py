"""Estimate of when a job will be done, from the run times of recent jobs."""

from datetime import datetime

import msgspec

from aether.domain.job import Job, Status


class Pace(msgspec.Struct, frozen=True):
    """How fast recent jobs of a kind were, in seconds; None until measured.

    `run` is how long a job runs; `gap` is the time between the ends of two jobs while others wait.
    """

    run: float | None = None
    gap: float | None = None


class Estimate(msgspec.Struct, frozen=True):
    """The job's place in the queue (1 is next) and the seconds until it is done; None if unknown.

    `lacks_worker`: nobody works on it, since no worker is running.
    """

    position: int | None = None
    seconds_left: float | None = None
    lacks_worker: bool = False


def estimate(job: Job, position: int | None, pace: Pace, now: datetime, *, has_worker: bool = True) -> Estimate:
    """Estimate when a job that has not ended will be done; without a worker, nobody can tell."""
    if not has_worker:
        return Estimate(position, lacks_worker=True)
    if job.status is Status.PENDING:
        ahead = (position or 1) - 1
        return Estimate(position, None if pace.run is None else pace.run + ahead * (pace.gap or 0.0))
    if job.status is not Status.PROCESSING:
        return Estimate()
    elapsed = (now - (job.started_at or now)).total_seconds()
    if pace.run is not None and elapsed < pace.run:
        return Estimate(None, pace.run - elapsed)
    # It takes longer than others did: its own progress is the better measure.
    return Estimate(None, elapsed * (1 - job.progress) / job.progress if job.progress else None)
