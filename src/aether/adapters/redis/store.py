"""Job store on Redis: one hash and one event log for each job, both changed by one script."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.commit_author import CommitAuthor
from aether.adapters.redis.durable_writes import DurableWrites, LostAnswerError
from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.event_log import encode_event, read_replay
from aether.adapters.redis.idempotency import find_repeated
from aether.adapters.redis.keys import DELIVER, FENCES, PACE, RECORD, script
from aether.adapters.redis.pubsub_message import next_message
from aether.adapters.redis.record_serializer import (
    change_counters,
    change_fields,
    encode_words,
    new_job_fields,
    parse_hash,
    parse_job,
    parse_summary,
)
from aether.adapters.redis.snapshot_reader import SnapshotReader
from aether.domain.events import derive_events
from aether.domain.idempotency import Idempotency
from aether.domain.job import ALLOWED_FROM, ENDED, Change, Job, Kind, Status, count_progress
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
from aether.leased_queue.key_names import key_name
from aether.leased_queue.scripts import Argument
from aether.leased_queue.serializer import payload_for

_COMMIT = script("commit", "index", "inbox", "deliveries", "former_queue", first=["commit_steps"])
_ERASE = script("erase", "index", "inbox", "deliveries", "former_queue")
_LIST = script("list", "index")


class QueueSettings(msgspec.Struct, frozen=True):
    """The queue's name, the worker's function that runs its jobs, and how many jobs may wait."""

    name: str
    function: str
    max_length: int


_PREDECESSORS = {status: encode_words(statuses) for status, statuses in ALLOWED_FROM.items()}
_DEFAULT_RETRY_AFTER_S = 5.0
_MAX_RETRY_AFTER_S = 300.0
"""When to try again if the queue is full or the owner has too many jobs: without measurements, and at most."""


class RedisJobStore:
    """The `JobStore` for production; `client` must not decode responses."""

    def __init__(
        self,
        client: Redis,
        queue: QueueSettings,
        ttl: timedelta,
        inbox_ttl: timedelta = timedelta(days=7),
        durable: DurableWrites | None = None,
    ) -> None:
        self._client = client
        self._durable = durable
        self._queue = queue
        self._snapshots = SnapshotReader(client, queue.name)
        self._ttl_ms = int(ttl.total_seconds() * 1000)
        self._inbox_ttl_ms = int(inbox_ttl.total_seconds() * 1000)

    async def create(self, job: NewJob, max_jobs: int | None = None) -> str:
        """Store the record and its queue entry."""
        author, change = CommitAuthor.creator(job, max_jobs), Change(status=Status.PENDING)
        outcome, *rest = await self._create(job.id, self._arguments(job.id, author, change, new_job_fields(job)))
        match outcome:
            case b"reused":
                raise IdempotencyKeyReusedError
            case b"full":
                raise QueueFullError(self._queue.max_length, await self._retry_after(job.kind))
            case b"too_many_jobs":
                raise TooManyJobsError(int(rest[0]), await self._retry_after(job.kind))
            case b"exists":
                existing_id: bytes = rest[0]
                return existing_id.decode()
        return job.id

    async def find_repeated(self, idempotency: Idempotency) -> str | None:
        """Read the hash of the key."""
        with translate_redis_errors():
            return await find_repeated(self._client, idempotency)

    async def load(self, job_id: str) -> Job | None:
        """Read the record."""
        with translate_redis_errors():
            # redis-py has one type for the answers of its synchronous and its asynchronous client.
            record: dict[bytes, bytes] = await self._client.hgetall(key_name(self._client, RECORD, job_id))  # type: ignore[misc]
        return parse_job(job_id, record) if record else None

    async def load_snapshot(
        self, kind: Kind, owner: str, job_id: str, known: Revision | None = None
    ) -> Snapshot | None:
        """Read the record and the queue in one script, which skips them if the revision is known."""
        with translate_redis_errors():
            return await self._snapshots.read(kind, owner, job_id, known)

    async def find_existing(self, job_ids: Collection[str]) -> set[str]:
        """Check all records in one round trip."""
        with translate_redis_errors():
            async with self._client.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.exists(key_name(self._client, RECORD, job_id))
                found: list[int] = await pipeline.execute()
        return {job_id for job_id, exists in zip(job_ids, found, strict=True) if exists}

    async def replay(self, job_id: str, after: int, limit: int) -> Replay:
        """Read the event log."""
        with translate_redis_errors():
            return await read_replay(self._client, job_id, after, limit)

    async def begin(self, job_id: str, kinds: Collection[Kind] | None = None) -> Job | None:
        """Commit as a new run, which gets a new epoch."""
        outcome, *rest = await self._commit(job_id, CommitAuthor.new_run(kinds), Change(status=Status.PROCESSING))
        match outcome:
            case b"ok":
                return parse_job(job_id, parse_hash(rest[-1]), to_write=True)
            case b"unsupported":
                raise UnsupportedRecordError(job_id, rest[0].decode())
            case b"illegal" if not (status := Status(rest[0].decode())).is_known:
                raise UnsupportedRecordError(job_id, status)
        return None

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        """Commit as the run that holds the epoch."""
        outcome, *rest = await self._commit(job_id, CommitAuthor("run", epoch, version), change)
        if outcome != b"ok":
            raise FencedError(job_id)
        new_version, _, listeners = rest
        return Committed(new_version, listeners > 0)

    async def move(self, job_id: str, change: Change, max_jobs: int | None = None) -> None:
        """Commit from outside, which takes the job from the run that holds the epoch."""
        outcome, *rest = await self._commit(job_id, CommitAuthor.outsider(max_jobs), change)
        match outcome:
            case b"gone":
                raise UnknownJobError(job_id)
            case b"illegal":
                raise IllegalMoveError(rest[0].decode(), str(change.status))
            case b"too_many_jobs":
                raise TooManyJobsError(int(rest[0]), await self._retry_after(Kind(rest[1].decode())))

    async def erase(self, job_id: str) -> None:
        """Delete the job's keys and its queue entry."""
        with translate_redis_errors():
            await _ERASE.run(self._client, [job_id, self._queue.name])

    async def list(
        self, owner: str, kind: Kind, statuses: frozenset[Status], limit: int, before: str | None = None
    ) -> JobPage:
        """Read the indexes until one job more than `limit` is found, to know whether there is a next page."""
        jobs: tuple[JobSummary, ...] = ()
        cursor: str | bytes | None = before or ""
        include_unknown = "1" if statuses.issuperset(Status) else ""
        with translate_redis_errors():
            while cursor is not None and len(jobs) <= limit:
                missing = limit + 1 - len(jobs)
                arguments: Sequence[Argument] = [owner, kind, missing, cursor, include_unknown, *statuses]
                cursor, *found = await _LIST.run(self._client, arguments)
                jobs += tuple(parse_summary(kind, values) for values in found)
        return JobPage(jobs[:limit], jobs[limit - 1].sort_key if len(jobs) > limit else None)

    async def fences(self, silence_s: float = 5.0) -> AsyncIterator[tuple[str, int]]:
        """Yield each job that was taken from its run, with the job's new epoch, for as long as the connection lasts.

        Fences raised between two connections are missed; such a run is fenced at its next commit. After `silence_s`
        without a message the server is pinged.
        """
        with translate_redis_errors():
            async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(key_name(self._client, FENCES))
                while True:
                    message = await next_message(channel, silence_s)
                    if message["type"] == "message":
                        job_id, _, rest = message["data"].decode().partition(" ")
                        yield job_id, int(rest.partition(" ")[0])

    async def _retry_after(self, kind: Kind) -> float:
        """Return the seconds until the next job ends, as far as that was measured."""
        with translate_redis_errors():
            gap_ms: bytes | None = await self._client.hget(key_name(self._client, PACE, kind), "gap")  # type: ignore[misc]
        return min(max(1.0, int(gap_ms or 0) / 1000 or _DEFAULT_RETRY_AFTER_S), _MAX_RETRY_AFTER_S)

    async def _create(self, job_id: str, arguments: Sequence[Argument]) -> Sequence[Any]:  # as `_commit`
        """Commit the creation of a job; withdraw it if it does not become as durable as it should."""
        durable = self._durable
        with translate_redis_errors():
            if durable is None:
                return await _COMMIT.run(self._client, arguments)  # type: ignore[no-any-return]  # as `_commit`
            try:
                answer, is_durable = await durable.run(_COMMIT, arguments)
            except LostAnswerError as error:
                raise durable.error(may_run=not await self._withdraw(job_id)) from error
        is_new = answer[0] == b"ok"
        if not is_durable and (is_new or answer[0] == b"exists"):
            raise durable.error(may_run=not (is_new and await self._withdraw(job_id)))
        return answer  # type: ignore[no-any-return]  # as `_commit`

    async def _withdraw(self, job_id: str) -> bool:
        try:
            await self.erase(job_id)
        except StoreUnavailableError:
            return False
        return True

    async def _commit(self, job_id: str, author: CommitAuthor, change: Change) -> Sequence[Any]:
        """Run `commit.lua`, which describes the answer."""
        with translate_redis_errors():
            answer: Sequence[Any] = await _COMMIT.run(self._client, self._arguments(job_id, author, change, {}))
        return answer

    def _arguments(
        self, job_id: str, author: CommitAuthor, change: Change, fields: Mapping[str, Argument]
    ) -> Sequence[Argument]:
        status = change.status
        predecessors = _PREDECESSORS[status] if status else ""
        arguments: list[Argument] = [job_id, *author, status or "", predecessors, self._ttl_ms]
        finished = count_progress(change.steps)
        arguments += [self._queue.name, payload_for(self._queue.function), self._queue.max_length, finished]
        arguments += [self._inbox_ttl_ms, payload_for(DELIVER) if status in ENDED else ""]
        arguments += _with_count({**fields, **change_fields(change)})
        arguments += _with_count(change_counters(change))
        arguments += map(encode_event, derive_events(change))
        return arguments


def _with_count(fields: Mapping[str, Argument]) -> list[Argument]:
    return [len(fields), *chain.from_iterable(fields.items())]
