"""Generations as the wire shows them; the order of the fields is the order of the JSON."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import (
    CANCELLED,
    Amount,
    Created,
    FailedAt,
    JobId,
    ListItemFields,
    Next,
    NextTry,
    StatusWords,
    Updated,
    list_item,
    or_unset,
    reason_of,
)
from aether.domain.image import GenerationRequest
from aether.domain.job import Attempt, Job, Status
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.stored_request import stored_request_decoder

_StatusWord: TypeAlias = Literal["PENDING", "COMPLETE", "FAILED"]
GenerationStatus: TypeAlias = Annotated[
    _StatusWord, named_literal("GenerationStatus", "Where a generation stands.", _StatusWord)
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

_WHERE = "Where the images are for as long as the job lives, under the host that you asked."
Images = Annotated[tuple[str, ...], Meta(description=_WHERE)]


class GenerationAccepted(msgspec.Struct, frozen=True, rename="camel"):
    """The job that will make the images."""

    generation_id: JobId
    status: Literal["PENDING"] = "PENDING"


class GenerationAttempt(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A try that failed, and how long after it the next one is due, if there is to be one."""

    number: Annotated[int, Meta(ge=1, description="Counted for each image.")]
    step: Annotated[str, Meta(description="`image:` and its position from 0.", examples=["image:0"])]
    at: FailedAt
    status: Annotated[int, Meta(description="What the image server answered, in HTTP.")] | UnsetType = UNSET
    error: Annotated[str, Meta(description="Why it failed.")]
    wait_seconds: Annotated[float, Meta(ge=0, description="How long after it the next try is due.")] | UnsetType = UNSET
    next_retry_at: NextTry | UnsetType = UNSET


class GenerationJob(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A generation as it stands: PENDING from the first moment to the last."""

    generation_id: JobId
    status: GenerationStatus
    prompt: Annotated[str, Meta(description="What the images show.")]
    images: Images | UnsetType = UNSET
    attempts: Annotated[tuple[GenerationAttempt, ...], Meta(description="Every try that failed, oldest first.")]
    failed_attempts: Annotated[Amount, Meta(description="How many tries have failed.")]
    error: Annotated[str, Meta(description=f"What went wrong; `{CANCELLED}` if the caller stopped it.")] | UnsetType = (
        UNSET
    )
    created_at: Created
    updated_at: Updated


class GenerationLine(ListItemFields, frozen=True, rename="camel"):
    """A generation in a list: what it shows and where it stands."""

    generation_id: JobId
    prompt: Annotated[str, Meta(description="What the images show.")]
    status: GenerationStatus


class GenerationPage(msgspec.Struct, frozen=True, rename="camel"):
    """Some of the caller's generations, the newest first."""

    generations: Annotated[tuple[GenerationLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: Next | UnsetType = UNSET


_decode = stored_request_decoder(GenerationRequest).decode


def generation_job(job: Job, url: str) -> GenerationJob:
    """Show a generation job as it stands; its images are below `url`."""
    request = _decode(job.input)
    done = job.status is Status.COMPLETED
    return GenerationJob(
        generation_id=job.id,
        status=STATUSES[job.status],
        prompt=request.prompt,
        images=tuple(f"{url}/images/{position}" for position in range(request.count)) if done else UNSET,
        attempts=tuple(map(generation_attempt, job.attempts)),
        failed_attempts=len(job.attempts),
        error=reason_of(job),
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def generation_page(page: JobPage) -> GenerationPage:
    """Show a page of generations."""
    return GenerationPage(tuple(map(_line, page.jobs)), or_unset(page.next))


def _line(entry: JobSummary) -> GenerationLine:
    return list_item(GenerationLine, entry, _decode(entry.input).prompt, STATUSES[entry.status])


def generation_attempt(attempt: Attempt) -> GenerationAttempt:
    """Show a try that failed."""
    again = attempt.next_retry_at
    return GenerationAttempt(
        number=attempt.attempt,
        step=attempt.step,
        at=attempt.at,
        status=or_unset(attempt.status),
        error=attempt.error,
        wait_seconds=UNSET if again is None else round((again - attempt.at).total_seconds(), 3),
        next_retry_at=or_unset(again),
    )
