"""Event presenter: the events of a job on the wire, with their names and data.

All kinds share the events in `COMMON_EVENTS`, and the snapshots; each kind has its own events for finished steps.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from aether.api.http import sse
from aether.api.jobs.fields import StatusWords
from aether.domain.events import AttemptFailed, Event, StatusChanged, StepFinished, StepsPlanned, UnknownEvent
from aether.domain.job import ENDED, Attempt, Job, StepStatus
from aether.domain.snapshot import Snapshot
from aether.durable.change_hub import Delta

SNAPSHOT = "snapshot"


class StatusNews(msgspec.Struct, frozen=True):
    """The job has a new status, but has not ended."""

    status: Annotated[str, Meta(description="The same word as in GET.")]


class StepsNews(msgspec.Struct, frozen=True):
    """Steps were planned, started or postponed, or finished without a result to show."""

    steps: Annotated[tuple[str, ...], Meta(description="The names of the steps.")]


class GapNews(msgspec.Struct, frozen=True):
    """The changes after your cursor are lost. A snapshot follows, which replaces everything you have."""

    after: Annotated[int, Meta(description="Your cursor.")]
    version: Annotated[int, Meta(description="The version of the snapshot.")]


COMMON_EVENTS: Mapping[str, type] = {"status": StatusNews, "steps": StepsNews, "gap": GapNews}
"""The events that every kind has: the types of their data by the events' names."""


class EventPayload(NamedTuple):
    """The name of an event, and its data, which is encoded as JSON."""

    name: str
    data: object


class EventVocabulary(NamedTuple):
    """How a kind presents its events.

    Attributes:
        statuses: The kind's words for statuses.
        present_step: Returns the event for a finished step; takes its name, the job and the job's URL. None means that
            the step has no result to show.
        present_attempt: Returns the data for a failed attempt.
        present_delta: Returns the event for text that a model is writing; None if it is not shown.
        data_types: The types of the data of the kind's own events, by the events' names.
    """

    statuses: StatusWords[Any]  # Any: the words of a kind
    present_step: Callable[[str, Job, str], EventPayload | None]
    present_attempt: Callable[[Attempt], object]
    present_delta: Callable[[Delta], EventPayload | None]
    data_types: Mapping[str, type]


def step_position(step: str, name: str) -> int | None:
    """Return the position in a step's name, 3 for `section:3`; None for steps of another name.

    A newer version may have other steps, such as `section:3:draft`.
    """
    before, _, position = step.partition(":")
    return int(position) if before == name and position.isdecimal() else None


class EventPresenter:
    """Encodes the events of a job for one caller, who finds the job at `url`; `show_job` returns what GET returns.

    The id of an event is the version of the job after it. Events without an id do not move the client's cursor.
    """

    def __init__(self, vocabulary: EventVocabulary, show_job: Callable[[Snapshot], object], url: str) -> None:
        self._vocabulary = vocabulary
        self._show_job = show_job
        self._url = url

    def snapshot(self, snapshot: Snapshot) -> bytes:
        """Encode the whole job, followed by its end if it has ended."""
        job = snapshot.job
        event = sse.event(SNAPSHOT, self._show_job(snapshot), job.version)
        return event + (self._end(snapshot) if job.status in ENDED else b"")

    def gap(self, after: int, snapshot: Snapshot) -> bytes:
        """Encode that the changes after a version are lost, and the whole job."""
        return sse.event("gap", GapNews(after, snapshot.job.version)) + self.snapshot(snapshot)

    def event(self, version: int, event: Event, snapshot: Snapshot) -> bytes:
        """Encode the event that led to this version; `snapshot` is not older if the event's payload needs it."""
        if version == snapshot.job.version and snapshot.job.status in ENDED:
            return self._end(snapshot)
        return sse.event(*self._payload(event, snapshot.job), version)

    def delta(self, delta: Delta, job: Job) -> bytes:
        """Encode text that a model is writing; empty if its step is known to be finished."""
        step = job.step(delta.step)
        is_finished = step is not None and step.status is StepStatus.DONE
        payload = None if is_finished else self._vocabulary.present_delta(delta)
        return sse.event(*payload) if payload else b""

    def _end(self, snapshot: Snapshot) -> bytes:
        job = snapshot.job
        return sse.event(self._vocabulary.statuses[job.status].lower(), self._show_job(snapshot), job.version)

    def _payload(self, event: Event, job: Job) -> EventPayload:
        match event:
            case StatusChanged(status):
                return EventPayload("status", StatusNews(self._vocabulary.statuses[status]))
            case AttemptFailed(attempt):
                return EventPayload("attempt", self._vocabulary.present_attempt(attempt))
            case StepFinished(name):
                return self._vocabulary.present_step(name, job, self._url) or EventPayload("steps", StepsNews((name,)))
            case StepsPlanned(names):
                return EventPayload("steps", StepsNews(names))
            case UnknownEvent():
                # The client's cursor moves on, and a GET shows whatever this version can show of the change.
                return EventPayload("steps", StepsNews(()))
