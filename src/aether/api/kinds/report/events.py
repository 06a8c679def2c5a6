"""Report events: what the event stream of a report sends."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from aether.api.jobs.event_presenter import EventPayload, EventVocabulary, step_position
from aether.api.jobs.fields import FailedAttempt, failed_attempt
from aether.api.kinds.report.quality_schemas import Quality, quality_of
from aether.api.kinds.report.schemas import STATUSES
from aether.domain.derived_section import DerivedKind, GlossaryEntry
from aether.domain.job import Job
from aether.domain.report import Report
from aether.durable.change_hub import Delta
from aether.workflows.report.derivation import DERIVED_STEP
from aether.workflows.report.record import ReportRecord

_SECTION = "section"

Position = Annotated[int, Meta(ge=0, description="The position of the section in the outline, from 0.")]


class OutlineNews(msgspec.Struct, frozen=True):
    """The outline is finished. An outline from the caller is in the snapshot instead."""

    outline: Annotated[tuple[str, ...], Meta(description="The headings, in order.")]


class SectionNews(msgspec.Struct, frozen=True):
    """A section is finished, or was rewritten: its text replaces that of earlier events with the same position."""

    position: Position
    heading: Annotated[str, Meta(description="The heading in the outline.")]
    text: Annotated[str, Meta(description="The whole text: Markdown, without the heading.")]


class ReportSummaryNews(msgspec.Struct, frozen=True):
    """The summary is finished."""

    summary: Annotated[str, Meta(description="The whole text: Markdown.")]


class ConclusionNews(msgspec.Struct, frozen=True):
    """The conclusion is finished."""

    conclusion: Annotated[str, Meta(description="The whole text: Markdown.")]


class KeyPointsNews(msgspec.Struct, frozen=True, rename="camel"):
    """The key points are finished."""

    key_points: Annotated[tuple[str, ...], Meta(description="The points, each a sentence.")]


class GlossaryNews(msgspec.Struct, frozen=True):
    """The glossary is finished."""

    glossary: Annotated[tuple[GlossaryEntry, ...], Meta(description="The terms and their definitions.")]


class DeltaNews(msgspec.Struct, frozen=True):
    """A preview of a section while the model first writes it. It is sent only once, and the final text may differ."""

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


_DERIVED: dict[str, type] = {
    DerivedKind.SUMMARY: ReportSummaryNews,
    DerivedKind.CONCLUSION: ConclusionNews,
    DerivedKind.KEY_POINTS: KeyPointsNews,
    DerivedKind.GLOSSARY: GlossaryNews,
}
_FIELDS = dict(zip(Report.__struct_encode_fields__, Report.__struct_fields__, strict=True))


def _present_step(step: str, job: Job, _: str) -> EventPayload | None:
    record = ReportRecord(job)
    if step == "outline":
        return EventPayload("outline", OutlineNews(record.headings))
    if step == "check":
        quality = quality_of(record)
        return None if quality is UNSET else EventPayload("quality", quality)
    if step.startswith(DERIVED_STEP):
        return _present_derived(step.removeprefix(DERIVED_STEP), record.report)
    rewritten = step_position(step, "rewrite")
    position = step_position(step, _SECTION) if rewritten is None else rewritten
    if position not in record.sections or (rewritten is not None and not record.is_rewritten(rewritten)):
        return None
    heading = record.headings[position]
    return EventPayload("section", SectionNews(position, heading, record.sections[position].text))


def _present_derived(kind: str, report: Report) -> EventPayload | None:
    """Return the event of a derived section; of one of which nothing is left, there is none."""
    value: Any = getattr(report, _FIELDS.get(kind, ""), UNSET)  # Any: as the field and the event have it
    return None if value is UNSET else EventPayload(kind, _DERIVED[kind](value))


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
    data_types={
        "outline": OutlineNews,
        "section": SectionNews,
        "section.delta": DeltaNews,
        "attempt": FailedAttempt,
        "quality": Quality,
        **_DERIVED,
    },
)
