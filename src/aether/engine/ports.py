"""What the engine needs from outside, named by role."""

from datetime import datetime
from typing import Protocol

import msgspec

from aether.domain.job import Change, Job, Kind, Limits
from aether.domain.pace import Outlook


class NewJob(msgspec.Struct, frozen=True):
    """A job as it is accepted: `input` is the request as JSON, `plan` the steps that are known beforehand."""

    id: str
    kind: Kind
    owner: str
    input: bytes
    plan: tuple[str, ...] = ()
    limits: Limits = Limits()


class JobStore(Protocol):
    """Where job records live, each with its queue entry and its event stream.

    Every change is atomic, adds one version per event and renews the record's time to live. Times are the store's own.
    All methods raise StoreUnavailableError while it cannot be reached; whether the change was made is then unknown.
    """

    async def create(self, job: NewJob) -> None:
        """Store a pending job and queue it, both or neither; an id that is taken already is left as it is.

        Raises:
            QueueFullError: too many jobs wait.
        """
        ...

    async def load(self, job_id: str) -> Job | None:
        """Return the record as it stands, or None if there is none (any more)."""
        ...

    async def outlook(self, job: Job) -> Outlook:
        """Say when a job that was just loaded will be done, as far as that can be told."""
        ...

    async def begin(self, job_id: str) -> Job | None:
        """Take the right to write from whoever had it and return the job, processing now; None if it is not to be run.

        The returned job's `epoch` is what this run's commits must carry.
        """
        ...

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> int:
        """Apply the change of the run that holds `epoch` and has seen `version`; return the new version.

        Only the holder of the epoch writes, so a commit whose answer was lost may be sent again: it is applied once.

        Raises:
            FencedError: the right to write has gone to another, or the record is gone.
        """
        ...

    async def move(self, job_id: str, change: Change) -> None:
        """Change the status from outside of a run, against whoever runs the job: that run is fenced off.

        Becoming pending queues the job again; becoming cancelled or failed takes it off the queue.

        Raises:
            UnknownJobError: no such record.
            IllegalMoveError: the job's status does not allow it.
        """
        ...

    async def erase(self, job_id: str) -> None:
        """Delete every key of the job; a run of it is fenced off. Unknown ids are no error."""
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
