"""Job state: what the command line shows of a job, whatever its kind."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, Protocol, Self, TypeAlias, TypeVar

from aether.cli.output.markdown import one_line
from aether.cli.output.progress_events import ProgressEvent

Outcome: TypeAlias = Literal["succeeded", "failed", "cancelled"]
Outcomes: TypeAlias = Mapping[str, Outcome | None]
"""How a job ended, by its status; any other status is of a newer server, and the job may go on."""

NO_WORKER = "waiting: no worker is running"
"""What a job is doing that nobody works on."""

_CANCELLED = "cancelled"


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


def outcome_by_error(outcomes: Outcomes, status: str, error: str | None) -> Outcome | None:
    """Return how a job ended, in kinds that have no status for cancelled jobs: their error tells."""
    outcome = outcomes.get(status)
    return "cancelled" if outcome == "failed" and error == _CANCELLED else outcome


def describe_activity(outcomes: Outcomes, status: str, waiting_for: str | None, current_work: str) -> str:
    """Return what a job is doing: the current work, unless it waits or has a status of a newer server."""
    if waiting_for == "worker":
        return NO_WORKER
    if status == "pending":
        return "waiting for a worker"
    return current_work if status in outcomes else one_line(status)
