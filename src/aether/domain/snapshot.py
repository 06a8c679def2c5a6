"""A job as its owner sees it."""

from datetime import datetime
from typing import NamedTuple, Self

import msgspec

from aether.domain.estimate import Estimate
from aether.domain.job import Job


class Revision(NamedTuple):
    """Which state of a job this is: a version may come twice, but not at one time, where the store has lost one."""

    version: int
    updated_at: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the state of a job that was just read."""
        return cls(job.version, job.updated_at)


class Snapshot(msgspec.Struct, frozen=True):
    """A job as it stands, and what is to come, of which there is nothing once it has ended."""

    job: Job
    estimate: Estimate = Estimate()
