"""The job store on Redis: one hash and one stream for each job, changed by one script."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ClusterDownError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.adapters.redis.commit_author import CommitAuthor
from aether.adapters.redis.event_log import oldest_wanted, replay_of
from aether.adapters.redis.keys import DELIVER, EVENTS, FENCES, RECORD, script
from aether.adapters.redis.record_serializer import (
    counts_of,
    entry_of,
    fields_of,
    fields_of_new,
    job_of,
    listed_words,
    paired,
)
from aether.adapters.redis.snapshot_reader import QueueEstimate, look, queue_estimate
from aether.domain.estimate import Estimate
from aether.domain.events import events_of
from aether.domain.job import ALLOWED_FROM, ENDED, Change, Job, Kind, Status, StepStatus
from aether.domain.listing import JobPage, JobSummary
from aether.domain.snapshot import Revision, Snapshot
from aether.durable.ports import Committed, NewJob, Replay
from aether.errors import (
    FencedError,
    IdempotencyKeyReusedError,
    IllegalMoveError,
    QueueFullError,
    StoreUnavailableError,
    TooManyJobsError,
    UnknownJobError,
    UnsupportedRecordError,
)
from aether.leased_queue.scripts import Argument
from aether.leased_queue.serializer import payload_for

_COMMIT = script("commit", "index", "inbox", "deliveries")
_ERASE = script("erase", "index", "inbox", "deliveries")
_LIST = script("list", "index")


class Queueing(msgspec.Struct, frozen=True):
    """How jobs are queued: the queue's name, the worker's function that runs them, and how many may wait."""

    name: str
    function: str
    longest: int


_USUAL_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 300.0
"""What those who find no place are asked to wait, where nothing was measured, and at most."""


class RedisJobStore:
    """The `JobStore` for production; `client` must not decode responses."""

    def __init__(
        self, client: Redis, queueing: Queueing, ttl: timedelta, inbox_ttl: timedelta = timedelta(days=7)
    ) -> None:
        self._client = client
        self._queueing = queueing
        self._ttl_ms = int(ttl.total_seconds() * 1000)
        self._inbox_ttl_ms = int(inbox_ttl.total_seconds() * 1000)

    async def create(self, job: NewJob, max_jobs: int | None = None) -> str:
        """Store and queue a pending job."""
        writer, change = CommitAuthor.of_new(job, max_jobs), Change(status=Status.PENDING)
        why, *rest = await self._commit(job.id, writer, change, fields_of_new(job))
        match why:
            case b"reused":
                raise IdempotencyKeyReusedError
            case b"full":
                raise QueueFullError(self._queueing.longest, await self._pause(job.kind))
            case b"crowded":
                raise TooManyJobsError(int(rest[0]), await self._pause(job.kind))
            case b"known":
                first: bytes = rest[0]
                return first.decode()
        return job.id

    async def load(self, job_id: str) -> Job | None:
        """Read the record."""
        with reaching_redis():
            # redis-py types the answers of its two kinds of client as one.
            record: dict[bytes, bytes] = await self._client.hgetall(RECORD + job_id)  # type: ignore[misc]
        return job_of(job_id, record) if record else None

    async def load_snapshot(
        self, kind: Kind, owner: str, job_id: str, known: Revision | None = None
    ) -> Snapshot | None:
        """Read the record and the queue, unless the record is as it was."""
        with reaching_redis():
            return await look(self._client, self._queueing.name, (kind, owner), job_id, known)

    async def find_existing(self, job_ids: Collection[str]) -> set[str]:
        """Look for the records, all at once."""
        with reaching_redis():
            async with self._client.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.exists(RECORD + job_id)
                found: list[int] = await pipeline.execute()
        return {job_id for job_id, exists in zip(job_ids, found, strict=True) if exists}

    async def replay(self, job_id: str, after: int, limit: int) -> Replay:
        """Read the stream."""
        with reaching_redis():
            entries = await self._client.xrange(EVENTS + job_id, min=oldest_wanted(after), count=limit + 1)
        return replay_of(entries, after, limit)

    async def estimate(self, job: Job) -> Estimate:
        """Judge by the queue and by how others went."""
        return (await self._queue_estimate(job.id, job.kind)).estimate(job)

    async def begin(self, job_id: str, kinds: Collection[Kind] | None = None) -> Job | None:
        """Take the job for a new run."""
        why, *rest = await self._commit(job_id, CommitAuthor.of_run(kinds), Change(status=Status.PROCESSING))
        match why:
            case b"ok":
                return job_of(job_id, paired(rest[-1]), to_write=True)
            case b"unsupported":
                raise UnsupportedRecordError(job_id, rest[0].decode())
            case b"illegal" if not (status := Status(rest[0].decode())).is_known:
                raise UnsupportedRecordError(job_id, status)
        return None

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        """Write as the holder of the epoch."""
        why, *rest = await self._commit(job_id, CommitAuthor("run", epoch, version), change)
        if why != b"ok":
            raise FencedError(job_id)
        new_version, _, listeners = rest
        return Committed(new_version, listeners > 0)

    async def move(self, job_id: str, change: Change, max_jobs: int | None = None) -> None:
        """Write against whoever holds the epoch."""
        why, *rest = await self._commit(job_id, CommitAuthor.from_outside(max_jobs), change)
        match why:
            case b"gone":
                raise UnknownJobError(job_id)
            case b"illegal":
                raise IllegalMoveError(rest[0].decode(), str(change.status))
            case b"crowded":
                raise TooManyJobsError(int(rest[0]), await self._pause(Kind(rest[1].decode())))

    async def erase(self, job_id: str) -> None:
        """Delete the job."""
        with reaching_redis():
            await _ERASE.run(self._client, [job_id, self._queueing.name])

    async def list(
        self, owner: str, kind: Kind, statuses: frozenset[Status], limit: int, before: str | None = None
    ) -> JobPage:
        """Read the indexes until the page is full and one job more is found, so that there is a next page."""
        entries: tuple[JobSummary, ...] = ()
        position: str | bytes | None = before or ""
        unknown_too = "1" if statuses.issuperset(Status) else ""
        with reaching_redis():
            while position is not None and len(entries) <= limit:
                wanted = limit + 1 - len(entries)
                asked: Sequence[Argument] = [owner, kind, wanted, position, unknown_too, *statuses]
                position, *found = await _LIST.run(self._client, asked)
                entries += tuple(entry_of(kind, listed) for listed in found)
        return JobPage(entries[:limit], entries[limit - 1].sort_key if len(entries) > limit else None)

    async def fences(self, silence_s: float = 5.0) -> AsyncIterator[tuple[str, int]]:
        """Yield jobs whose runs have lost them, with the epoch that is valid now, for as long as the connection lasts.

        What happens between two connections is not told: a run learns it from its next commit. After `silence_s` the
        server is asked whether it is still there.
        """
        with reaching_redis():
            async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(FENCES)
                while True:
                    message = await _next_message(channel, silence_s)
                    if message["type"] == "message":
                        job_id, _, rest = message["data"].decode().partition(" ")
                        yield job_id, int(rest.partition(" ")[0])

    async def _pause(self, kind: Kind) -> float:
        """Say when to ask again for a place: when the next job ends, as far as that was measured."""
        _, pace, _ = await self._queue_estimate("", kind)
        return min(max(1.0, pace.gap or _USUAL_PAUSE_S), _LONGEST_PAUSE_S)

    async def _queue_estimate(self, job_id: str, kind: Kind) -> QueueEstimate:
        with reaching_redis():
            return await queue_estimate(self._client, self._queueing.name, job_id, kind)

    async def _commit(
        self, job_id: str, writer: CommitAuthor, change: Change, fields: Mapping[str, Argument] | None = None
    ) -> Sequence[Any]:  # the script's answer, as it says at its head
        status = change.status
        moves = listed_words(ALLOWED_FROM[status]) if status else ""
        arguments: list[Argument] = [job_id, *writer, status or "", moves, self._ttl_ms]
        finished = sum(step.status is StepStatus.DONE for step in change.steps)
        arguments += [self._queueing.name, payload_for(self._queueing.function), self._queueing.longest, finished]
        arguments += [self._inbox_ttl_ms, payload_for(DELIVER) if status in ENDED else ""]
        arguments += _counted({**(fields or {}), **fields_of(change)})
        arguments += _counted(counts_of(change))
        arguments += map(msgspec.json.encode, events_of(change))
        with reaching_redis():
            answer: Sequence[Any] = await _COMMIT.run(self._client, arguments)
        return answer


async def _next_message(channel: PubSub, silence_s: float) -> dict[str, Any]:  # redis-py's own form
    # Not `listen`: it takes silence for a broken connection as soon as the client has a socket_timeout, and cannot tell
    # a half-open one without. What redis-py swallows, such as the subscription's answer, comes as None too.
    for _ in range(3):
        message: dict[str, Any] | None = await channel.get_message(timeout=silence_s)
        if message is not None:
            return message
        await channel.ping()
    raise RedisTimeoutError


def _counted(fields: Mapping[str, Argument]) -> list[Argument]:
    return [len(fields), *chain.from_iterable(fields.items())]


_AWAY = (RedisConnectionError, RedisTimeoutError, OSError, ClusterDownError, OutOfMemoryError, ReadOnlyError)
_NOT_SERVING = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE")
"""What a Redis that is up says when it does not serve for now, where redis-py has no class for it."""


@contextmanager
def reaching_redis() -> Iterator[None]:
    """Raise StoreUnavailableError for what says that Redis does not serve for now."""
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailableError(type(error).__name__) from error
    except ResponseError as error:
        if not str(error).startswith(_NOT_SERVING):
            raise
        raise StoreUnavailableError(str(error).partition(" ")[0]) from error
