"""Ports of durable execution: the job store, the file store and the clock."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from aether.domain.estimate import Estimate
from aether.domain.events import Event
from aether.domain.idempotency import Idempotency
from aether.domain.job import Change, Job, Kind, Limits, Status
from aether.domain.listing import JobPage
from aether.domain.snapshot import Revision, Snapshot
from aether.domain.webhook import Webhook


class NewJob(msgspec.Struct, frozen=True):
    """A job as it is accepted: `input` is the request as JSON, `plan` the steps that are known beforehand.

    Its end is told to `webhook`, or else to the owner's own endpoint. It stands for the key in `once`.
    """

    id: str
    kind: Kind
    owner: str
    input: bytes
    plan: tuple[str, ...] = ()
    limits: Limits = Limits()
    webhook: Webhook | None = None
    once: Idempotency | None = None


class Replay(msgspec.Struct, frozen=True):
    """What a job's stream tells behind a cursor: events in order, each with the version it made.

    With a `gap` there are none: those right behind the cursor are not kept, or cannot be told, or the cursor is not of
    this stream. The record is all there is then.
    """

    events: tuple[tuple[int, Event], ...] = ()
    gap: bool = False


class Committed(NamedTuple):
    """What the store says of a commit: the job's version now, and whether anybody listens to its texts."""

    version: int
    watched: bool


class JobStore(Protocol):
    """Where job records live, each with its queue entry and its event stream.

    Every change is atomic, adds one version per event and renews the record's time to live. Times are the store's own.
    All methods raise StoreUnavailableError while it cannot be reached; whether the change was made is then unknown.
    """

    async def create(self, job: NewJob, most: int | None = None) -> str:
        """Store a pending job and queue it, both or neither; an id that is taken already is left as it is.

        Returns its id, or that of the one that stands for its idempotency key already, for as long as that exists and
        whatever has become of it; then nothing is stored.

        Raises:
            IdempotencyKeyReusedError: what stands for the key is another request.
            QueueFullError: too many jobs wait.
            TooManyJobsError: `most` of the owner's jobs, of all kinds, wait or run.
        """
        ...

    async def load(self, job_id: str) -> Job | None:
        """Return the record as it stands, or None if there is none (any more)."""
        ...

    async def look(self, kind: Kind, owner: str, job_id: str, known: Revision | None = None) -> Snapshot | None:
        """Return the owner's job of this kind and what is to come, or None if the job stands as `known` says.

        A job of another owner or kind is as unknown as none, and takes as long to find out.

        Raises:
            UnknownJobError: the owner has no such job (any more).
        """
        ...

    async def known(self, job_ids: Collection[str]) -> set[str]:
        """Return those of the ids of which there is a record."""
        ...

    async def replay(self, job_id: str, after: int, limit: int) -> Replay:
        """Tell up to `limit` events that followed the version `after`; behind 0 stands the first of all."""
        ...

    async def estimate(self, job: Job) -> Estimate:
        """Say when a job that was just loaded will be done, as far as that can be told."""
        ...

    async def begin(self, job_id: str) -> Job | None:
        """Take the right to write from whoever had it and return the job, processing now; None if it is not to be run.

        The returned job's `epoch` is what this run's commits must carry.
        """
        ...

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        """Apply the change of the run that holds `epoch` and has seen `version`.

        Only the holder of the epoch writes, so a commit whose answer was lost may be sent again: it is applied once.

        Raises:
            FencedError: the right to write has gone to another, or the record is gone.
        """
        ...

    async def move(self, job_id: str, change: Change, most: int | None = None) -> None:
        """Change the status from outside of a run, against whoever runs the job: that run is fenced off.

        Becoming pending queues the job again; becoming cancelled or failed takes it off the queue.

        Raises:
            UnknownJobError: no such record.
            IllegalMoveError: the job's status does not allow it.
            TooManyJobsError: it would become pending, beside `most` of the owner's that wait or run.
        """
        ...

    async def erase(self, job_id: str) -> None:
        """Delete every key of the job; a run of it is fenced off. Unknown ids are no error."""
        ...

    async def list(
        self, owner: str, kind: Kind, statuses: frozenset[Status], limit: int, before: str | None = None
    ) -> JobPage:
        """Return the owner's jobs of this kind that have one of these statuses, newest first.

        `before` is the `next` of the page before. A page holds `limit` jobs, at least 1, if there are as many; its cost
        does not depend on how many there are.

        A job's place is when it was created, and by id among those of the same millisecond, for as long as it exists.
        So a list of all statuses shows every job exactly once that is there from its first page to its last, whatever
        becomes of that job and of others meanwhile. A list of some statuses promises this for jobs that have one of
        them all the while; any other is shown once, or not at all.
        """
        ...


class FileStore(Protocol):
    """Where the files that jobs make are kept, each as long as its job; a name is one of its job's.

    A file that is put for a job which is gone may be refused without a word, or kept until somebody looks. All methods
    raise StoreUnavailableError while the store cannot be reached.
    """

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        """Keep a file, whole or not at all; one of the same name is replaced."""
        ...

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Return the bytes from `start` up to `stop`, both clipped as in a slice; None if there is no such file."""
        ...

    async def erase(self, job_id: str) -> None:
        """Delete all files of the job. Unknown ids are no error."""
        ...


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
