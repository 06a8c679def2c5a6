"""How a job is read for its owner, with what is to come, in one round trip."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self

from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import job_of, milliseconds, moment, paired
from aether.domain.estimate import Estimate, Pace, estimate
from aether.domain.job import Job, Kind
from aether.domain.snapshot import Revision, Snapshot
from aether.errors import UnknownJobError

_LOOK = script("look", "inbox", "queue_estimate")
_ESTIMATE = script("estimate", "queue_estimate")


class QueueEstimate(NamedTuple):
    """What is known about a job's future: its place among those that wait, and how others went."""

    position: int | None
    pace: Pace
    now: datetime

    @classmethod
    def told(cls, place: bytes, run: bytes, gap: bytes, now: bytes) -> Self:
        """Read what `queue_estimate.lua` tells."""
        pace = Pace(*(int(measured) / 1000 if measured else None for measured in (run, gap)))
        return cls(int(place) if place else None, pace, moment(now))

    def estimate(self, job: Job) -> Estimate:
        """Judge a job that has not ended."""
        return estimate(job, self.position, self.pace, self.now)


async def queue_estimate(client: Redis, queue: str, job_id: str, kind: Kind) -> QueueEstimate:
    """Ask about a job's future."""
    return QueueEstimate.told(*await _ESTIMATE.run(client, [job_id, kind, queue]))


async def look(
    client: Redis, queue: str, whose: tuple[Kind, str], job_id: str, known: Revision | None
) -> Snapshot | None:
    """Read a job of this kind and owner, or find that it stands as `known` says.

    Raises:
        UnknownJobError: the owner has none.
    """
    stand = (known.version, milliseconds(known.updated_at)) if known else ("", "")
    found: Sequence[Sequence[bytes]] | None = await _LOOK.run(client, [job_id, *whose, queue, *stand])
    if found is None:
        raise UnknownJobError(job_id)
    if not found:
        return None
    record, rest = found
    job = job_of(job_id, paired(record))
    return Snapshot(job, QueueEstimate.told(*rest).estimate(job)) if rest else Snapshot(job)
