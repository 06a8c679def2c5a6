"""Report events: what the event stream of a report sends."""

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

Position = Annotated[int, Meta(ge=0, description="The position of the section in the outline, from 0.")]


class OutlineNews(msgspec.Struct, frozen=True):
    """The outline is finished. An outline from the caller is in the snapshot instead."""

    outline: Annotated[tuple[str, ...], Meta(description="The headings, in order.")]


class SectionNews(msgspec.Struct, frozen=True):
    """A section is finished. Its text is final, and replaces the text of earlier `section.delta` events."""

    position: Position
    heading: Annotated[str, Meta(description="The heading in the outline.")]
    text: Annotated[str, Meta(description="The whole text: Markdown, without the heading.")]


class DeltaNews(msgspec.Struct, frozen=True):
    """A preview of a section while the model writes it. It is sent only once, and the final text may differ."""

    position: Position
    attempt: Annotated[
        int, Meta(ge=1, description="The number of the attempt. Each starts the text again; the latest counts.")
    ]
    offset: Annotated[
        int,
        Meta(
            ge=0,
            description="How many characters (code points) of this attempt precede. If you have fewer, some are lost.",
        ),
    ]
    text: Annotated[str, Meta(description="The next part of the text.")]


def _present_step(step: str, job: Job, _: str) -> EventPayload | None:
    report = report_so_far(job)
    if step == "outline":
        return EventPayload("outline", OutlineNews(report.outline))
    position = step_position(step, _SECTION)
    if position is None or position >= len(report.outline):
        return None
    heading = report.outline[position]
    text = report.sections.get(heading)
    return None if text is None else EventPayload("section", SectionNews(position, heading, text))


def _present_delta(delta: Delta) -> EventPayload | None:
    position = step_position(delta.step, _SECTION)
    if position is None:
        return None
    return EventPayload("section.delta", DeltaNews(position, delta.attempt, delta.offset, delta.text))


REPORT_EVENTS = EventVocabulary(
    STATUSES,
    present_step=_present_step,
    present_attempt=failed_attempt,
    present_delta=_present_delta,
    data_types={"outline": OutlineNews, "section": SectionNews, "section.delta": DeltaNews, "attempt": FailedAttempt},
)
