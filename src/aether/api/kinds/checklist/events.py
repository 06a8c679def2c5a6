"""What the stream of a checklist tells."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.event_presenter import EventPayload, EventVocabulary
from aether.api.jobs.fields import AttemptFields, NextTry, or_unset
from aether.api.kinds.checklist.schemas import STATUSES, Items
from aether.domain.job import Attempt, Job
from aether.workflows.checklist.recipe import checklist_so_far


class SummaryNews(msgspec.Struct, frozen=True):
    """The summary is written."""

    summary: Annotated[str, Meta(description="What the guideline says.")]


class ChecklistNews(msgspec.Struct, frozen=True):
    """The checklist is made."""

    checklist: Annotated[str, Meta(description="Markdown bullets, `- …`.")]
    items: Items


class AttemptNews(AttemptFields, frozen=True):
    """A try of a step failed; the next one is due at that time, if there is to be one."""

    next_retry_at: NextTry | UnsetType = UNSET


def _finished(step: str, job: Job, _: str) -> EventPayload | None:
    summary, checklist = checklist_so_far(job)
    if step == "summary" and summary:
        return EventPayload(step, SummaryNews(summary.text))
    if step == "checklist" and checklist:
        return EventPayload(step, ChecklistNews(checklist.markdown, checklist.items))
    return None


def _attempt(attempt: Attempt) -> AttemptNews:
    return AttemptNews(attempt.step, attempt.attempt, attempt.at, attempt.error, or_unset(attempt.next_retry_at))


CHECKLIST_EVENTS = EventVocabulary(
    STATUSES,
    _finished,
    _attempt,
    lambda _: None,
    {"summary": SummaryNews, "checklist": ChecklistNews, "attempt": AttemptNews},
)
