"""Base of the job states of kinds whose resource has the API's usual fields."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

import msgspec

from aether.cli.output.job_state import Outcome, Outcomes, describe_activity
from aether.cli.output.progress_events import AttemptFailure, ProgressEvent, StepFinished, counted, retry_delay

OUTCOMES: Outcomes = {
    "pending": None,
    "processing": None,
    "completed": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}


class Step(msgspec.Struct, frozen=True):
    """A step's name, the title of what it makes if that has one, and "done" as its status once it has finished."""

    name: str
    title: str | None = None
    status: str = "pending"


class Attempt(msgspec.Struct, frozen=True, rename="camel"):
    """An attempt of a step that failed; `next_retry_at` is None if there is no other."""

    step: str
    attempt: int
    at: datetime
    error: str
    next_retry_at: datetime | None = None


class BaseJobState(msgspec.Struct, frozen=True, rename="camel"):
    """A job with the usual fields, shown by its steps.

    A subclass adds the field of its result, and overrides what it can say better than by the names of steps.
    """

    status: str
    progress: float = 0.0
    error: str | None = None
    expires_at: datetime | None = None
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    waiting_for: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended, if it did."""
        return OUTCOMES.get(self.status)

    @property
    def done(self) -> tuple[Step, ...]:
        """The steps that have finished."""
        return tuple(step for step in self.steps if step.status == "done")

    @property
    def activity(self) -> str:
        """What the job is doing."""
        return describe_activity(OUTCOMES, self.status, self.waiting_for, self.current_work)

    @property
    def current_work(self) -> str:
        """What the job is doing once a worker has begun it."""
        return f"{len(self.done)} of {counted(len(self.steps), 'step')}" if self.steps else "running"

    @property
    def completed_work(self) -> str:
        """How many of the steps were finished."""
        return f"{len(self.done)} of {len(self.steps)} steps were finished" if self.steps else "no step was finished"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return the failed attempts, then the steps that finished."""
        yield from self.failures_since(previous)
        known = previous.done if previous else ()
        yield from (StepFinished(step.title or step.name, "done") for step in self.done if step not in known)

    def failures_since(self, previous: Self | None) -> Iterator[AttemptFailure]:
        """Return the attempts that have failed since the `previous` state."""
        known = previous.attempts if previous else ()
        return (self._failure(attempt) for attempt in self.attempts if attempt not in known)

    def _failure(self, failed: Attempt) -> AttemptFailure:
        label = next((step.title for step in self.steps if step.name == failed.step and step.title), failed.step)
        return AttemptFailure(label, failed.attempt, failed.error, retry_delay(failed.at, failed.next_retry_at))
