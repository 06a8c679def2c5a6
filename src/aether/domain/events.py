"""What a job's stream tells: one small fact per version, without the texts, which stand in the record."""

from collections.abc import Iterator

import msgspec

from aether.domain.job import Attempt, Change, Status, StepStatus


class StatusChanged(msgspec.Struct, frozen=True, tag_field="event", tag="status"):
    """The job came to this status."""

    status: Status


class StepsPlanned(msgspec.Struct, frozen=True, tag_field="event", tag="steps"):
    """These steps were planned, started or put off."""

    names: tuple[str, ...]


class StepFinished(msgspec.Struct, frozen=True, tag_field="event", tag="step"):
    """The step is done; its result stands in the record and never changes again."""

    name: str


class AttemptFailed(msgspec.Struct, frozen=True, tag_field="event", tag="attempt"):
    """A try of a step failed."""

    attempt: Attempt


Event = StatusChanged | StepsPlanned | StepFinished | AttemptFailed


def events_of(change: Change) -> Iterator[Event]:
    """Tell a change as facts, at least one, so that each step is begun before it fails, and fails before it is done."""
    finished = [step.name for step in change.steps if step.status is StepStatus.DONE]
    other = tuple(dict.fromkeys(step.name for step in change.steps if step.status is not StepStatus.DONE))
    # Without a fact there were no new version, and a commit whose answer is lost would be applied twice.
    untold = not (change.attempts or finished or change.status)
    if other or change.total is not None or untold:
        yield StepsPlanned(other)
    yield from (AttemptFailed(attempt) for attempt in change.attempts)
    yield from (StepFinished(name) for name in finished)
    if change.status is not None:
        yield StatusChanged(change.status)
