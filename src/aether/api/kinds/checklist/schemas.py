"""Checklist schemas: checklists on the wire; the JSON has the order of the fields."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import (
    CANCELLED,
    CreatedAt,
    JobId,
    NextCursor,
    StatusWords,
    UpdatedAt,
    WaitingFor,
    error_of,
    list_item,
    unset_if_none,
    waiting_for,
)
from aether.api.jobs.snake_case import (
    SnakeCaseListItemFields,
    SnakeCaseRetryBody,
    SnakeCaseToken,
    SnakeCaseTokenBody,
)
from aether.domain.checklist import ChecklistRequest, Item
from aether.domain.estimate import Estimate
from aether.domain.job import Job, Status
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.stored_request import stored_request_decoder
from aether.workflows.checklist.recipe import checklist_so_far

_EXCERPT_LENGTH = 200

_StatusWord: TypeAlias = Literal["pending", "running", "succeeded", "failed"]
ChecklistStatus: TypeAlias = Annotated[
    _StatusWord, named_literal("ChecklistStatus", "The status of a checklist.", _StatusWord)
]
STATUSES: StatusWords[ChecklistStatus] = StatusWords(
    {
        Status.PENDING: "pending",
        Status.PROCESSING: "running",
        Status.COMPLETED: "succeeded",
        Status.FAILED: "failed",
        Status.CANCELLED: "failed",
    }
)
Items = Annotated[tuple[Item, ...], Meta(description="The items of the checklist with their sources.")]


class ChecklistAccepted(msgspec.Struct, frozen=True):
    """The job that will make the checklist."""

    event_id: JobId


class ChecklistJob(msgspec.Struct, frozen=True, kw_only=True):
    """A checklist job, complete or in progress."""

    id: JobId
    input_text: Annotated[str, Meta(description="The guideline.")]
    status: ChecklistStatus
    summary: Annotated[str | None, Meta(description="The summary of the guideline; null until it is written.")]
    checklist: Annotated[str | None, Meta(description="A Markdown list, `- …`; null until it is written.")]
    items: Items | UnsetType = UNSET
    created_at: CreatedAt
    updated_at: UpdatedAt
    error: (
        Annotated[str, Meta(description=f"What went wrong; `{CANCELLED}` if the caller cancelled it.")] | UnsetType
    ) = UNSET
    waiting_for: WaitingFor | UnsetType = UNSET


class ChecklistLine(SnakeCaseListItemFields, frozen=True):
    """A checklist in a list, with the start of its guideline."""

    id: JobId
    excerpt: Annotated[str, Meta(description=f"The first {_EXCERPT_LENGTH} characters of the guideline.")]
    status: ChecklistStatus


class ChecklistPage(msgspec.Struct, frozen=True):
    """A page of the caller's checklists, newest first."""

    jobs: Annotated[tuple[ChecklistLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: NextCursor | UnsetType = UNSET


class ChecklistRetryBody(SnakeCaseRetryBody, frozen=True, forbid_unknown_fields=True):
    """New limits for the job; a limit that is left out does not change."""


class ChecklistTokenBody(SnakeCaseTokenBody, frozen=True, forbid_unknown_fields=True):
    """How long the token is valid."""


class ChecklistToken(SnakeCaseToken, frozen=True):
    """A token that reads one checklist."""


_NO_ESTIMATE = Estimate()
_decode = stored_request_decoder(ChecklistRequest).decode


def checklist_job(job: Job, estimate: Estimate = _NO_ESTIMATE) -> ChecklistJob:
    """Return a checklist job as the wire shows it."""
    summary, checklist = checklist_so_far(job)
    return ChecklistJob(
        id=job.id,
        input_text=_decode(job.input).input_text,
        status=STATUSES[job.status],
        summary=summary.text if summary else None,
        checklist=checklist.markdown if checklist else None,
        items=checklist.items if checklist else UNSET,
        created_at=job.created_at,
        updated_at=job.updated_at,
        error=error_of(job),
        waiting_for=waiting_for(estimate),
    )


def checklist_page(page: JobPage) -> ChecklistPage:
    """Return a page of checklists as the wire shows it."""
    return ChecklistPage(tuple(map(_list_item, page.jobs)), unset_if_none(page.next))


def _list_item(job: JobSummary) -> ChecklistLine:
    return list_item(ChecklistLine, job, _decode(job.input).input_text[:_EXCERPT_LENGTH], STATUSES[job.status])
