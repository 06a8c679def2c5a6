"""Checklist events: what the event stream of a checklist sends."""

from typing import Annotated

import msgspec
from msgspec import Meta

from aether.api.jobs.event_presenter import EventPayload, EventVocabulary
from aether.api.jobs.snake_case import SnakeCaseFailedAttempt, snake_case_failed_attempt
from aether.api.kinds.checklist.schemas import STATUSES, Items
from aether.domain.job import Job
from aether.workflows.checklist.recipe import checklist_so_far


class SummaryNews(msgspec.Struct, frozen=True):
    """The summary is finished."""

    summary: Annotated[str, Meta(description="The summary of the guideline.")]


class ChecklistNews(msgspec.Struct, frozen=True):
    """The checklist is finished."""

    checklist: Annotated[str, Meta(description="A Markdown list, `- …`.")]
    items: Items


class AttemptNews(SnakeCaseFailedAttempt, frozen=True):
    """An attempt of a step failed; the next one is due at `next_retry_at`, if there is one."""


def _present_step(step: str, job: Job, _: str) -> EventPayload | None:
    summary, checklist = checklist_so_far(job)
    if step == "summary" and summary:
        return EventPayload(step, SummaryNews(summary.text))
    if step == "checklist" and checklist:
        return EventPayload(step, ChecklistNews(checklist.markdown, checklist.items))
    return None


CHECKLIST_EVENTS = EventVocabulary(
    STATUSES,
    present_step=_present_step,
    present_attempt=snake_case_failed_attempt,
    present_delta=lambda _: None,
    data_types={"summary": SummaryNews, "checklist": ChecklistNews, "attempt": AttemptNews},
)
