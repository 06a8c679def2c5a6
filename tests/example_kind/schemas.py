"""Translation schemas: translations and their events on the wire."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.http import sse
from aether.api.jobs.event_presenter import EventPayload, EventVocabulary, step_position
from aether.api.jobs.examples import Examples, example_job, finished_step, first_page
from aether.api.jobs.fields import (
    CreatedAt,
    ExpiresAt,
    FailedAttempt,
    JobId,
    ListItemFields,
    NextCursor,
    Progress,
    StatusWords,
    UpdatedAt,
    error_of,
    failed_attempt,
    list_item,
    unset_if_none,
)
from aether.domain.job import Job, Status
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.stored_request import stored_request_decoder
from aether.workflows.step_results import result_of
from tests.example_kind import TRANSLATION
from tests.example_kind.recipe import paragraphs_so_far
from tests.example_kind.translation import Paragraph, TranslationRequest

_StatusWord: TypeAlias = Literal["pending", "processing", "completed", "failed", "cancelled"]
TranslationStatus: TypeAlias = Annotated[
    _StatusWord, named_literal("TranslationStatus", "The status of a translation.", _StatusWord)
]
STATUSES: StatusWords[TranslationStatus] = StatusWords({status: status.value for status in Status})

Language = Annotated[str, Meta(description="The language that the text is translated into.")]


class TranslationAccepted(msgspec.Struct, frozen=True, rename="camel"):
    """The job that will translate the text."""

    translation_id: JobId


class TranslationJob(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A translation job."""

    translation_id: JobId
    status: TranslationStatus
    progress: Progress
    language: Language
    paragraphs: Annotated[tuple[str, ...], Meta(description="The paragraphs; one that is not finished is empty.")]
    attempts: Annotated[tuple[FailedAttempt, ...], Meta(description="The failed attempts, oldest first.")]
    error: Annotated[str, Meta(description="What went wrong.")] | UnsetType = UNSET
    created_at: CreatedAt
    updated_at: UpdatedAt
    expires_at: ExpiresAt


class TranslationLine(ListItemFields, frozen=True, rename="camel"):
    """A translation in a list."""

    translation_id: JobId
    language: Language
    status: TranslationStatus


class TranslationPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the caller's translations, newest first."""

    translations: Annotated[tuple[TranslationLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: NextCursor | UnsetType = UNSET


class ParagraphEvent(msgspec.Struct, frozen=True):
    """A paragraph is finished."""

    position: Annotated[int, Meta(ge=0, description="The position of the paragraph in the text, from 0.")]
    text: Annotated[str, Meta(description="The translated paragraph.")]


_decode = stored_request_decoder(TranslationRequest).decode


def translation_job(job: Job) -> TranslationJob:
    """Return a translation job as the wire shows it."""
    return TranslationJob(
        translation_id=job.id,
        status=STATUSES[job.status],
        progress=job.progress,
        language=_decode(job.input).language,
        paragraphs=tuple(each.text if each else "" for each in paragraphs_so_far(job)),
        attempts=tuple(map(failed_attempt, job.attempts)),
        error=error_of(job),
        created_at=job.created_at,
        updated_at=job.updated_at,
        expires_at=job.expires_at,
    )


def translation_page(page: JobPage) -> TranslationPage:
    """Return a page of translations as the wire shows it."""
    return TranslationPage(tuple(map(_list_item, page.jobs)), unset_if_none(page.next))


def _list_item(job: JobSummary) -> TranslationLine:
    return list_item(TranslationLine, job, _decode(job.input).language, STATUSES[job.status])


def _present_step(step: str, job: Job, _: str) -> EventPayload | None:
    position = step_position(step, "paragraph")
    if position is None or (paragraph := result_of(job, step, Paragraph)) is None:
        return None
    return EventPayload("paragraph", ParagraphEvent(position, paragraph.text))


TRANSLATION_EVENTS = EventVocabulary(
    STATUSES,
    present_step=_present_step,
    present_attempt=failed_attempt,
    present_delta=lambda _: None,
    data_types={"paragraph": ParagraphEvent, "attempt": FailedAttempt},
)

_REQUEST = {"text": "Good morning.\n\nGood night.", "language": "Spanish"}
_RUNNING = msgspec.structs.replace(
    example_job(TRANSLATION, _REQUEST), total=2, steps=(finished_step("paragraph:0", Paragraph("Buenos días.")),)
)

TRANSLATION_EXAMPLES: Examples = {
    "TranslationBody": {"twoParagraphs": _REQUEST},
    "TranslationAccepted": {"accepted": TranslationAccepted(_RUNNING.id)},
    "TranslationJob": {"processing": translation_job(_RUNNING)},
    "TranslationPage": {"page": translation_page(first_page(_RUNNING))},
    "TranslationEvent": {"paragraph": sse.event("paragraph", ParagraphEvent(0, "Buenos días."), 4).decode()},
}
