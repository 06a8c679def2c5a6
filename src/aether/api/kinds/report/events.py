"""What the stream of a report tells."""

from typing import Annotated

import msgspec
from msgspec import Meta

from aether.api.jobs.event_presenter import EventPayload, EventVocabulary, step_position
from aether.api.jobs.fields import FailedAttempt, failed_attempt
from aether.api.kinds.report.schemas import STATUSES
from aether.domain.job import Job
from aether.durable.change_hub import Delta
from aether.workflows.report.recipe import report_so_far

_SECTION = "section"

Position = Annotated[int, Meta(ge=0, description="The section's place in the outline, from 0.")]


class OutlineNews(msgspec.Struct, frozen=True):
    """The outline is there; an outline of the caller's own is in the snapshot instead."""

    outline: Annotated[tuple[str, ...], Meta(description="The headings, in order.")]


class SectionNews(msgspec.Struct, frozen=True):
    """A section is finished; its text is final, and takes the place of what was shown while it was written."""

    position: Position
    heading: Annotated[str, Meta(description="The heading, as in the outline.")]
    text: Annotated[str, Meta(description="All of it, Markdown without the heading.")]


class DeltaNews(msgspec.Struct, frozen=True):
    """Text of a section as the model writes it: a preview, which is told once and may differ from what it will be."""

    position: Position
    attempt: Annotated[int, Meta(ge=1, description="Each try begins anew; the latest counts.")]
    offset: Annotated[
        int,
        Meta(ge=0, description="How many characters (code points) of this try come before. Is it more: you lack some."),
    ]
    text: Annotated[str, Meta(description="What comes next.")]


def _finished(step: str, job: Job, _: str) -> EventPayload | None:
    report = report_so_far(job)
    if step == "outline":
        return EventPayload("outline", OutlineNews(report.outline))
    position = step_position(step, _SECTION)
    if position is None or position >= len(report.outline):
        return None
    heading = report.outline[position]
    text = report.sections.get(heading)
    return None if text is None else EventPayload("section", SectionNews(position, heading, text))


def _text(delta: Delta) -> EventPayload | None:
    position = step_position(delta.step, _SECTION)
    if position is None:
        return None
    return EventPayload("section.delta", DeltaNews(position, delta.attempt, delta.offset, delta.text))


REPORT_EVENTS = EventVocabulary(
    STATUSES,
    _finished,
    failed_attempt,
    _text,
    {"outline": OutlineNews, "section": SectionNews, "section.delta": DeltaNews, "attempt": FailedAttempt},
)
