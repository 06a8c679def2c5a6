"""When a job will be done, judged by how others went."""

from datetime import datetime

import msgspec

from aether.domain.job import Job, Status


class Pace(msgspec.Struct, frozen=True):
    """How jobs of a kind have gone lately, in seconds; None until it was measured.

    `run` is how long one takes, `gap` how long it is from one that ends to the next while others wait.
    """

    run: float | None = None
    gap: float | None = None


class Estimate(msgspec.Struct, frozen=True):
    """What is to come: the place in the queue, 1 being next, and the seconds until the job is done; None if unknown."""

    position: int | None = None
    seconds_left: float | None = None


def estimate(job: Job, position: int | None, pace: Pace, now: datetime) -> Estimate:
    """Judge a job that has not ended."""
    if job.status is Status.PENDING:
        ahead = (position or 1) - 1
        return Estimate(position, None if pace.run is None else pace.run + ahead * (pace.gap or 0.0))
    elapsed = (now - (job.started_at or now)).total_seconds()
    if pace.run is not None and elapsed < pace.run:
        return Estimate(None, pace.run - elapsed)
    # Later than usual: what is done says more than what others took.
    return Estimate(None, elapsed * (1 - job.progress) / job.progress if job.progress else None)
