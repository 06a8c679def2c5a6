"""Base of the job states of kinds whose resource has the API's usual fields."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Self

import msgspec

from aether.cli.output.job_state import Outcome
from aether.cli.output.progress_events import AttemptFailure, retry_delay


class Step(msgspec.Struct, frozen=True):
    """A step's name, and the title of what it makes if that has one."""

    name: str
    title: str | None = None


class Attempt(msgspec.Struct, frozen=True, rename="camel"):
    """An attempt of a step that failed; `next_retry_at` is None if there is no other."""

    step: str
    attempt: int
    at: datetime
    error: str
    next_retry_at: datetime | None = None


class BaseJobState(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of every kind; a subclass adds its result, `activity`, `completed_work` and `events_since`."""

    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    progress: float = 0.0
    error: str | None = None
    expires_at: datetime | None = None
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended, if it did."""
        match self.status:
            case "pending" | "processing":
                return None
            case "completed":
                return "succeeded"
            case ended:
                return ended

    def failures_since(self, previous: Self | None) -> Iterator[AttemptFailure]:
        """Return the attempts that have failed since the `previous` state."""
        known = previous.attempts if previous else ()
        return (self._failure(attempt) for attempt in self.attempts if attempt not in known)

    def _failure(self, failed: Attempt) -> AttemptFailure:
        label = next((step.title for step in self.steps if step.name == failed.step and step.title), failed.step)
        return AttemptFailure(label, failed.attempt, failed.error, retry_delay(failed.at, failed.next_retry_at))
