"""Snapshot of a job for its owner: the record and an estimate."""

from datetime import datetime
from typing import NamedTuple, Self

import msgspec

from aether.domain.estimate import Estimate
from aether.domain.job import Job


class Revision(NamedTuple):
    """Identifies a state of a job; if the store loses writes, a version may occur twice, but with different times."""

    version: int
    updated_at: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the revision of a job."""
        return cls(job.version, job.updated_at)


class Snapshot(msgspec.Struct, frozen=True):
    """A job and its estimate, which is empty once the job has ended."""

    job: Job
    estimate: Estimate = Estimate()
