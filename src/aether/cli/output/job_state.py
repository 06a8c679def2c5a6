"""Job state: what the command line shows of a job, whatever its kind."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Protocol, Self, TypeAlias, TypeVar

from aether.cli.output.progress_events import ProgressEvent

Outcome: TypeAlias = Literal["succeeded", "failed", "cancelled"]

CANCELLED = "cancelled"
"""The error of a cancelled job, in kinds that have no status for it."""


NO_WORKER = "waiting: no worker is running"
"""What a job is doing that nobody works on."""


class JobState(Protocol):
    """A job at one of its versions, as GET returns it."""

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended; None while it is waiting or running."""
        ...

    @property
    def error(self) -> str | None:
        """Why the job failed."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """When the server deletes the job, if it says so."""
        ...

    @property
    def progress(self) -> float | None:
        """The finished part of the work, from 0 to 1; None if it cannot be known."""
        ...

    @property
    def activity(self) -> str:
        """What the job is doing, in a few words."""
        ...

    @property
    def completed_work(self) -> str:
        """How much was finished, in a few words, for a job that failed or was cancelled."""
        ...

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return what has happened since the `previous` state, failed attempts first."""
        ...


StateT = TypeVar("StateT", bound=JobState)
