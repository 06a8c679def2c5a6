"""Checklists as the wire shows them; the order of the fields is the order of the JSON."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import (
    CANCELLED,
    Created,
    Expiry,
    JobId,
    Next,
    Progress,
    StatusWords,
    Updated,
    Version,
    list_item,
    or_unset,
    reason_of,
)
from aether.api.jobs.job_limits import DeadlineSeconds, MaxTokens
from aether.api.jobs.read_tokens import USUAL_S, EventsUrl, ExpiresAt, ExpiresIn, Token
from aether.domain.checklist import ChecklistRequest, Item
from aether.domain.job import Job, Status
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.stored_request import stored_request_decoder
from aether.workflows.checklist.recipe import checklist_so_far

_EXCERPT = 200

_StatusWord: TypeAlias = Literal["pending", "running", "succeeded", "failed"]
ChecklistStatus: TypeAlias = Annotated[
    _StatusWord, named_literal("ChecklistStatus", "Where a checklist stands.", _StatusWord)
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
Items = Annotated[tuple[Item, ...], Meta(description="The same bullets with their sources.")]


class ChecklistAccepted(msgspec.Struct, frozen=True):
    """The job that will make the checklist."""

    event_id: JobId


class ChecklistJob(msgspec.Struct, frozen=True, kw_only=True):
    """A checklist as far as it is made."""

    id: JobId
    input_text: Annotated[str, Meta(description="The guideline.")]
    status: ChecklistStatus
    summary: Annotated[str | None, Meta(description="What the guideline says; null until it is written.")]
    checklist: Annotated[str | None, Meta(description="Markdown bullets, `- …`; null until they are written.")]
    items: Items | UnsetType = UNSET
    created_at: Created
    updated_at: Updated
    error: Annotated[str, Meta(description=f"What went wrong; `{CANCELLED}` if the caller stopped it.")] | UnsetType = (
        UNSET
    )


class ChecklistLine(msgspec.Struct, frozen=True):
    """A checklist in a list: how its guideline begins, and where it stands."""

    id: JobId
    excerpt: Annotated[str, Meta(description=f"The first {_EXCERPT} characters of the guideline.")]
    status: ChecklistStatus
    progress: Progress
    created_at: Created
    updated_at: Updated
    expires_at: Expiry
    version: Version


class ChecklistPage(msgspec.Struct, frozen=True):
    """Some of the caller's checklists, the newest first."""

    jobs: Annotated[tuple[ChecklistLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: Next | UnsetType = UNSET


class ChecklistRetryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New limits for the next run; what is left out stays as it was."""

    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET


class ChecklistTokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the token is wanted."""

    expires_in: ExpiresIn = USUAL_S


class ChecklistToken(msgspec.Struct, frozen=True):
    """A token that reads one checklist."""

    token: Token
    expires_at: ExpiresAt
    url: EventsUrl


_decode = stored_request_decoder(ChecklistRequest).decode


def checklist_job(job: Job) -> ChecklistJob:
    """Show a checklist job as it stands."""
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
        error=reason_of(job),
    )


def checklist_page(page: JobPage) -> ChecklistPage:
    """Show a page of checklists."""
    return ChecklistPage(tuple(map(_line, page.jobs)), or_unset(page.next))


def _line(entry: JobSummary) -> ChecklistLine:
    return list_item(ChecklistLine, entry, _decode(entry.input).input_text[:_EXCERPT], STATUSES[entry.status])
