"""Snapshot reader: a job for its owner, together with its estimate, in one round trip."""

from collections.abc import Sequence

from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import parse_hash, parse_job, parse_time, to_milliseconds
from aether.domain.estimate import Estimate, Pace, estimate
from aether.domain.job import Job, Kind
from aether.domain.snapshot import Revision, Snapshot
from aether.errors import UnknownJobError
from aether.leased_queue.scripts import Argument

_READ_SNAPSHOT = script("read_snapshot", "inbox", "queue_estimate")


class SnapshotReader:
    """Reads snapshots of jobs in this queue."""

    def __init__(self, client: Redis, queue: str) -> None:
        self._client = client
        self._queue = queue

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
        return Snapshot(job, _estimate(job, *estimate_values)) if estimate_values else Snapshot(job)


def _estimate(job: Job, position: bytes, run: bytes, gap: bytes, workers: bytes, now: bytes) -> Estimate:  # noqa: PLR0913, PLR0917 - as the script returns them
    """Return the estimate from the values that `queue_estimate.lua` returns."""
    pace = Pace(*(int(milliseconds) / 1000 if milliseconds else None for milliseconds in (run, gap)))
    return estimate(job, int(position) if position else None, pace, parse_time(now), has_worker=int(workers) > 0)
