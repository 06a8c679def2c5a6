"""Snapshot reader: a job for its owner, together with its estimate, in one round trip."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self

from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import parse_hash, parse_job, parse_time, to_milliseconds
from aether.domain.estimate import Estimate, Pace, estimate
from aether.domain.job import Job, Kind
from aether.domain.snapshot import Revision, Snapshot
from aether.errors import UnknownJobError
from aether.leased_queue.scripts import Argument

_READ_SNAPSHOT = script("read_snapshot", "inbox", "queue_estimate")
_ESTIMATE = script("estimate", "queue_estimate")


class QueueEstimate(NamedTuple):
    """What an estimate is made of: the job's place among those that wait, and the recent pace of its kind."""

    position: int | None
    pace: Pace
    now: datetime

    @classmethod
    def parse(cls, position: bytes, run: bytes, gap: bytes, now: bytes) -> Self:
        """Parse the answer of `queue_estimate.lua`."""
        pace = Pace(*(int(milliseconds) / 1000 if milliseconds else None for milliseconds in (run, gap)))
        return cls(int(position) if position else None, pace, parse_time(now))

    def estimate(self, job: Job) -> Estimate:
        """Return the estimate for a job that has not ended."""
        return estimate(job, self.position, self.pace, self.now)


class SnapshotReader:
    """Reads snapshots and estimates of jobs in this queue."""

    def __init__(self, client: Redis, queue: str) -> None:
        self._client = client
        self._queue = queue

    async def estimate(self, job_id: str, kind: Kind) -> QueueEstimate:
        """Read what an estimate for this job is made of."""
        return QueueEstimate.parse(*await _ESTIMATE.run(self._client, [job_id, kind, self._queue]))

    async def read(self, kind: Kind, owner: str, job_id: str, known: Revision | None) -> Snapshot | None:
        """Read the owner's job of this kind with its estimate, or return None if its revision is still `known`.

        Raises:
            UnknownJobError: the owner has no such job.
        """
        revision = (known.version, to_milliseconds(known.updated_at)) if known else ("", "")
        arguments: list[Argument] = [job_id, kind, owner, self._queue, *revision]
        answer: Sequence[Sequence[bytes]] | None = await _READ_SNAPSHOT.run(self._client, arguments)
        if answer is None:
            raise UnknownJobError(job_id)
        if not answer:
            return None
        record, estimate_values = answer
        job = parse_job(job_id, parse_hash(record))
        return Snapshot(job, QueueEstimate.parse(*estimate_values).estimate(job)) if estimate_values else Snapshot(job)
