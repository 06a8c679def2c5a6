"""Snapshot reader: a job for its owner, together with its estimate, in one round trip."""

from collections import OrderedDict
from collections.abc import Sequence

from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import parse_hash, parse_job, parse_time, to_milliseconds
from aether.domain.estimate import Estimate, Pace, estimate
from aether.domain.job import ENDED, Job, Kind
from aether.domain.snapshot import Revision, Snapshot
from aether.errors import UnknownJobError
from aether.leased_queue.scripts import Argument

_READ_SNAPSHOT = script("read_snapshot", "inbox", "queue_estimate")
_MAX_JOBS = 256
_MAX_JOB_BYTES = 65_536


class SnapshotReader:
    """Reads snapshots of jobs in this queue.

    Running jobs that were read lately are kept, at their revision: whoever polls one needs nothing but its estimate, as
    long as no step ends.
    """

    def __init__(self, client: Redis, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._running: OrderedDict[str, Job] = OrderedDict()

    async def read(self, kind: Kind, owner: str, job_id: str, known: Revision | None) -> Snapshot | None:
        """Read the owner's job of this kind with its estimate, or return None if its revision is still `known`.

        Raises:
            UnknownJobError: the owner has no such job.
        """
        kept = self._running.get(job_id) if known is None else None
        revision = known or (Revision.of(kept) if kept else None)
        arguments: list[Argument] = [job_id, kind, owner, self._queue]
        arguments += (revision.version, to_milliseconds(revision.updated_at)) if revision else ("", "")
        arguments.append("1" if kept else "")
        answer: Sequence[Sequence[bytes]] | None = await _READ_SNAPSHOT.run(self._client, arguments, shared=True)
        if answer is None:
            raise UnknownJobError(job_id)
        if not answer:
            return None
        record, estimate_values = answer
        job = kept if kept and not record else parse_job(job_id, parse_hash(record))
        self._keep(job, record)
        return Snapshot(job, _estimate(job, *estimate_values)) if estimate_values else Snapshot(job)

    def _keep(self, job: Job, record: Sequence[bytes]) -> None:
        self._running.pop(job.id, None)
        if job.status in ENDED or sum(map(len, record)) > _MAX_JOB_BYTES:
            return
        self._running[job.id] = job
        if len(self._running) > _MAX_JOBS:
            self._running.popitem(last=False)


def _estimate(job: Job, position: bytes, run: bytes, gap: bytes, workers: bytes, now: bytes) -> Estimate:  # noqa: PLR0913, PLR0917 - as the script returns them
    """Return the estimate from the values that `queue_estimate.lua` returns."""
    pace = Pace(*(int(milliseconds) / 1000 if milliseconds else None for milliseconds in (run, gap)))
    return estimate(job, int(position) if position else None, pace, parse_time(now), has_worker=int(workers) > 0)
