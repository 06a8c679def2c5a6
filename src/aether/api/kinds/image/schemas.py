"""Image schemas: generations on the wire; the JSON has the order of the fields."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import (
    CANCELLED,
    Count,
    CreatedAt,
    FailedAt,
    JobId,
    ListItemFields,
    NextAttemptAt,
    NextCursor,
    StatusWords,
    UpdatedAt,
    WaitingFor,
    error_of,
    list_item,
    unset_if_none,
    waiting_for,
)
from aether.domain.estimate import Estimate
from aether.domain.image import GenerationRequest
from aether.domain.job import Attempt, Job, Status
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.stored_request import stored_request_decoder

_StatusWord: TypeAlias = Literal["PENDING", "COMPLETE", "FAILED"]
GenerationStatus: TypeAlias = Annotated[
    _StatusWord, named_literal("GenerationStatus", "The status of a generation.", _StatusWord)
]
STATUSES: StatusWords[GenerationStatus] = StatusWords(
    {
        Status.PENDING: "PENDING",
        Status.PROCESSING: "PENDING",
        Status.COMPLETED: "COMPLETE",
        Status.FAILED: "FAILED",
        Status.CANCELLED: "FAILED",
    }
)

ImageUrls = Annotated[
    tuple[str, ...],
    Meta(description="The URLs of the images, until the job expires; they contain the host of your request."),
]


class GenerationAccepted(msgspec.Struct, frozen=True, rename="camel"):
    """The job that will make the images."""

    generation_id: JobId
    status: Literal["PENDING"] = "PENDING"


class GenerationAttempt(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A failed attempt, and when the next one is due, if there is one."""

    number: Annotated[int, Meta(ge=1, description="The number of the attempt, from 1 for each image.")]
    step: Annotated[str, Meta(description="`image:` and its position from 0.", examples=["image:0"])]
    at: FailedAt
    status: Annotated[int, Meta(description="The HTTP status of the image server's response.")] | UnsetType = UNSET
    error: Annotated[str, Meta(description="Why the attempt failed.")]
    wait_seconds: (
        Annotated[float, Meta(ge=0, description="How long after `at` the next attempt is due.")] | UnsetType
    ) = UNSET
    next_retry_at: NextAttemptAt | UnsetType = UNSET


class GenerationJob(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A generation job; it is PENDING until it has ended."""

    generation_id: JobId
    status: GenerationStatus
    prompt: Annotated[str, Meta(description="What the images show.")]
    images: ImageUrls | UnsetType = UNSET
    attempts: Annotated[tuple[GenerationAttempt, ...], Meta(description="The failed attempts, oldest first.")]
    failed_attempts: Annotated[Count, Meta(description="How many attempts have failed.")]
    error: (
        Annotated[str, Meta(description=f"What went wrong; `{CANCELLED}` if the caller cancelled it.")] | UnsetType
    ) = UNSET
    created_at: CreatedAt
    updated_at: UpdatedAt
    waiting_for: WaitingFor | UnsetType = UNSET


class GenerationLine(ListItemFields, frozen=True, rename="camel"):
    """A generation in a list."""

    generation_id: JobId
    prompt: Annotated[str, Meta(description="What the images show.")]
    status: GenerationStatus


class GenerationPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the caller's generations, newest first."""

    generations: Annotated[tuple[GenerationLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: NextCursor | UnsetType = UNSET


_NO_ESTIMATE = Estimate()
_decode = stored_request_decoder(GenerationRequest).decode


def generation_job(job: Job, url: str, estimate: Estimate = _NO_ESTIMATE) -> GenerationJob:
    """Return a generation job as the wire shows it; the URLs of its images start with `url`."""
    request = _decode(job.input)
    is_completed = job.status is Status.COMPLETED
    return GenerationJob(
        generation_id=job.id,
        status=STATUSES[job.status],
        prompt=request.prompt,
        images=tuple(f"{url}/images/{position}" for position in range(request.count)) if is_completed else UNSET,
        attempts=tuple(map(generation_attempt, job.attempts)),
        failed_attempts=len(job.attempts),
        error=error_of(job),
        waiting_for=waiting_for(estimate),
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def generation_page(page: JobPage) -> GenerationPage:
    """Return a page of generations as the wire shows it."""
    return GenerationPage(tuple(map(_list_item, page.jobs)), unset_if_none(page.next))


def _list_item(job: JobSummary) -> GenerationLine:
    return list_item(GenerationLine, job, _decode(job.input).prompt, STATUSES[job.status])


def generation_attempt(attempt: Attempt) -> GenerationAttempt:
    """Return a failed attempt as the wire shows it."""
    next_at = attempt.next_retry_at
    return GenerationAttempt(
        number=attempt.attempt,
        step=attempt.step,
        at=attempt.at,
        status=unset_if_none(attempt.status),
        error=attempt.error,
        wait_seconds=UNSET if next_at is None else round((next_at - attempt.at).total_seconds(), 3),
        next_retry_at=unset_if_none(next_at),
    )
