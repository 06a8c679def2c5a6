"""The events of a job in words: their names and their data, the same for every kind but for what it makes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from aether.api.http import sse
from aether.api.jobs.fields import StatusWords
from aether.domain.events import AttemptFailed, Event, StatusChanged, StepFinished, StepsPlanned, UnknownEvent
from aether.domain.job import ENDED, Attempt, Job, StepStatus
from aether.durable.change_hub import Delta

SNAPSHOT = "snapshot"


class StatusNews(msgspec.Struct, frozen=True):
    """The job came to this status, and has not ended with it."""

    status: Annotated[str, Meta(description="In the words of GET.")]


class StepsNews(msgspec.Struct, frozen=True):
    """Steps were planned, begun or put off, or are done without a text of their own."""

    steps: Annotated[tuple[str, ...], Meta(description="Their names.")]


class GapNews(msgspec.Struct, frozen=True):
    """What followed your cursor cannot be told; a snapshot comes next, in place of all that you have."""

    after: Annotated[int, Meta(description="Your cursor.")]
    version: Annotated[int, Meta(description="The version of the snapshot.")]


COMMON: Mapping[str, type] = {"status": StatusNews, "steps": StepsNews, "gap": GapNews}
"""The data of the events that every kind has, by their names."""


class EventPayload(NamedTuple):
    """What an event tells: its name, and its data for JSON."""

    name: str
    data: object


class EventVocabulary(NamedTuple):
    """How a kind tells of what it makes.

    `finished` tells of a finished step by its name, of a job that the caller finds at the URL; `attempt` tells of a
    failed try, and `text` of what a model writes just now. None is what has nothing to show. `data` are the types of
    the data of these events, by the events' names.
    """

    statuses: StatusWords[Any]  # Any: the words of a kind
    finished: Callable[[str, Job, str], EventPayload | None]
    attempt: Callable[[Attempt], object]
    text: Callable[[Delta], EventPayload | None]
    data: Mapping[str, type]


def step_position(step: str, name: str) -> int | None:
    """Return the position in the name of a step, 3 of `section:3`; None if it is another step.

    A newer version may have other steps, such as `section:3:draft`.
    """
    before, _, position = step.partition(":")
    return int(position) if before == name and position.isdecimal() else None


class EventPresenter:
    """Writes the events of jobs for one caller, who finds them at `url`; `shown` is a job as GET shows it.

    An event stands for one version of the job, which is its id. What has none leaves the client's cursor alone.
    """

    def __init__(self, vocabulary: EventVocabulary, shown: Callable[[Job], Awaitable[object]], url: str) -> None:
        self._vocabulary = vocabulary
        self._shown = shown
        self._url = url

    async def snapshot(self, job: Job) -> bytes:
        """Tell all at once, and that it is the end if the job has ended."""
        snapshot = sse.event(SNAPSHOT, await self._shown(job), job.version)
        return snapshot + (await self._end(job) if job.status in ENDED else b"")

    async def gap(self, after: int, job: Job) -> bytes:
        """Tell that what followed a version is lost, and all that there is."""
        return sse.event("gap", GapNews(after, job.version)) + await self.snapshot(job)

    async def event(self, version: int, event: Event, job: Job) -> bytes:
        """Tell one change, of a job that was read behind it."""
        if version == job.version and job.status in ENDED:
            return await self._end(job)
        return sse.event(*self._news(event, job), version)

    def text(self, delta: Delta, job: Job) -> bytes:
        """Tell what a model writes, unless it is known how that ended."""
        step = job.step(delta.step)
        done = step is not None and step.status is StepStatus.DONE
        news = None if done else self._vocabulary.text(delta)
        return sse.event(*news) if news else b""

    async def _end(self, job: Job) -> bytes:
        return sse.event(self._vocabulary.statuses[job.status].lower(), await self._shown(job), job.version)

    def _news(self, event: Event, job: Job) -> EventPayload:
        match event:
            case StatusChanged(status):
                return EventPayload("status", StatusNews(self._vocabulary.statuses[status]))
            case AttemptFailed(attempt):
                return EventPayload("attempt", self._vocabulary.attempt(attempt))
            case StepFinished(name):
                return self._vocabulary.finished(name, job, self._url) or EventPayload("steps", StepsNews((name,)))
            case StepsPlanned(names):
                return EventPayload("steps", StepsNews(names))
            case UnknownEvent():
                # The client's cursor moves on, and a GET shows what there is to see of it.
                return EventPayload("steps", StepsNews(()))
