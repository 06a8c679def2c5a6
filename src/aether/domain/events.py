"""Events of a job's stream, one for each version; they contain no texts, which are in the record."""

from collections.abc import Iterator

import msgspec

from aether.domain.job import Attempt, Change, Status, StepStatus


class StatusChanged(msgspec.Struct, frozen=True, tag_field="event", tag="status"):
    """The job has this status now."""

    status: Status


class StepsPlanned(msgspec.Struct, frozen=True, tag_field="event", tag="steps"):
    """These steps were planned, were started, or wait for a retry."""

    names: tuple[str, ...]


class StepFinished(msgspec.Struct, frozen=True, tag_field="event", tag="step"):
    """The step is done; its result is in the record and does not change any more."""

    name: str


class AttemptFailed(msgspec.Struct, frozen=True, tag_field="event", tag="attempt"):
    """An attempt of a step failed."""

    attempt: Attempt


class UnknownEvent(msgspec.Struct, frozen=True, tag_field="event", tag="unknown"):
    """Something changed that this version cannot name; it is read where another version wrote it, and never written."""


Event = StatusChanged | StepsPlanned | StepFinished | AttemptFailed | UnknownEvent


def derive_events(change: Change) -> Iterator[Event]:
    """Derive the events of a change, at least one; steps start before they fail, and fail before they are done."""
    finished = [step.name for step in change.steps if step.status is StepStatus.DONE]
    unfinished = tuple(dict.fromkeys(step.name for step in change.steps if step.status is not StepStatus.DONE))
    # Each event creates a version. Without one, a commit whose answer was lost would be applied twice.
    has_no_event = not (change.attempts or finished or change.status)
    if unfinished or change.total is not None or has_no_event:
        yield StepsPlanned(unfinished)
    yield from (AttemptFailed(attempt) for attempt in change.attempts)
    yield from (StepFinished(name) for name in finished)
    if change.status is not None:
        yield StatusChanged(change.status)
