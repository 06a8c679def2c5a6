"""Ports of durable execution: the job store, the file store and the clock."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from aether.domain.events import Event
from aether.domain.idempotency import Idempotency
from aether.domain.job import Change, Job, Kind, Limits, Status
from aether.domain.listing import JobPage
from aether.domain.snapshot import Revision, Snapshot
from aether.domain.webhook import Webhook


class NewJob(msgspec.Struct, frozen=True):
    """A job as it is submitted: `input` is the request as JSON, `plan` the names of the steps known so far.

    Its end is delivered to `webhook`, or to the owner's endpoint if that is None.
    """

    id: str
    kind: Kind
    owner: str
    input: bytes
    plan: tuple[str, ...] = ()
    limits: Limits = Limits()
    webhook: Webhook | None = None
    idempotency: Idempotency | None = None


class Replay(msgspec.Struct, frozen=True):
    """Events that followed a cursor in a job's stream, in order, each with the version it created.

    With a `gap` there are no events: those right after the cursor are no longer stored, or the cursor does not belong
    to this stream. The reader has to load the record instead.
    """

    events: tuple[tuple[int, Event], ...] = ()
    gap: bool = False


class Committed(NamedTuple):
    """Result of a commit: the job's new version, and whether anybody listens to its token stream."""

    version: int
    has_listeners: bool


class JobStore(Protocol):
    """Stores job records, each with its queue entry and its event stream.

    Every change is atomic, adds one version per event and renews the record's time to live. All times are read from the
    store's clock. All methods raise StoreUnavailableError while the store cannot be reached; the change may then have
    been made or not.
    """

    async def create(self, job: NewJob, max_jobs: int | None = None) -> str:
        """Store a pending job and queue it, both or neither; a job with the same id is left unchanged.

        Returns the job's id. If a job with the same idempotency key exists, in any status, returns that job's id and
        stores nothing.

        Raises:
            IdempotencyKeyReusedError: the key was used for another request.
            QueueFullError: too many jobs wait.
            NotDurableError: the job did not become as durable as it should; the error says whether it may run.
            TooManyJobsError: `max_jobs` of the owner's jobs, over all kinds, wait or run.
        """
        ...

    async def find_repeated(self, idempotency: Idempotency) -> str | None:
        """Return the id of the job that was created with this idempotency key; None if there is none (any more).

        Raises:
            IdempotencyKeyReusedError: the key was used for another request.
        """
        ...

    async def load(self, job_id: str) -> Job | None:
        """Return the record, or None if there is none (any more)."""
        ...

    async def load_snapshot(
        self, kind: Kind, owner: str, job_id: str, known: Revision | None = None
    ) -> Snapshot | None:
        """Return the owner's job of this kind with its estimate, or None if its revision is still `known`.

        A job of another owner or kind gives the same error as a missing one, and takes as long.

        Raises:
            UnknownJobError: the owner has no such job (any more).
        """
        ...

    async def find_existing(self, job_ids: Collection[str]) -> set[str]:
        """Return those of the ids that have a record."""
        ...

    async def replay(self, job_id: str, after: int, limit: int) -> Replay:
        """Return up to `limit` events that followed the version `after`; 0 starts with the first event."""
        ...

    async def begin(self, job_id: str, kinds: Collection[Kind] | None = None) -> Job | None:
        """Start a run: fence off any earlier run and return the job, now processing; None if it must not be run.

        This run's commits must carry the returned job's `epoch`. `kinds` are those that the caller can run, by default
        any.

        Raises:
            UnsupportedRecordError: the job has another kind or an unknown status; it is left as it is.
        """
        ...

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        """Apply a change of the run that holds `epoch` and has seen `version`.

        Only the holder of the epoch writes, so a commit whose answer was lost can be sent again: it is applied once.

        Raises:
            FencedError: another run holds a newer epoch, or the record is gone.
        """
        ...

    async def move(self, job_id: str, change: Change, max_jobs: int | None = None) -> None:
        """Change the status from outside of a run; a current run of the job is fenced off.

        A job that becomes pending is queued again; one that becomes cancelled or failed is taken off the queue.

        Raises:
            UnknownJobError: there is no such record.
            IllegalMoveError: the job's status does not allow the change.
            TooManyJobsError: the job would become pending, but `max_jobs` of the owner's jobs wait or run.
        """
        ...

    async def erase(self, job_id: str) -> None:
        """Delete all data of the job and fence off a current run; unknown ids are ignored."""
        ...

    async def list(
        self, owner: str, kind: Kind, statuses: frozenset[Status], limit: int, before: str | None = None
    ) -> JobPage:
        """Return a page of the owner's jobs of this kind with one of these statuses, newest first.

        `before` is the `next` of the previous page. Every page but the last holds `limit` jobs, at least 1; its cost
        does not depend on the number of jobs.

        Jobs are ordered by creation time in milliseconds, then by id; a job's place never changes. So a list of all
        statuses shows each job that exists from the first page to the last exactly once, even if jobs change meanwhile.
        A list of some statuses guarantees this only for jobs that keep one of these statuses; others appear at most
        once.

        A list of all statuses includes the jobs with a status that this version does not know.
        """
        ...


class FileStore(Protocol):
    """Stores the files that jobs produce, each as long as its job; names are unique within a job.

    A file put for a job that no longer exists may be dropped silently, or stored until a sweep finds it. All methods
    raise StoreUnavailableError while the store cannot be reached.
    """

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        """Store a file atomically, replacing one with the same name."""
        ...

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Return the bytes `[start:stop]`, clipped as a slice is; None if there is no such file."""
        ...

    async def erase(self, job_id: str) -> None:
        """Delete all files of the job; unknown ids are ignored."""
        ...


class Clock(Protocol):
    """Tells the time; tests replace it so that they need not wait."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
