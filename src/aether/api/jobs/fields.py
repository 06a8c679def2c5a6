"""Fields that the Structs of every kind share."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.domain.job import Attempt, Job, Problem, Status
from aether.domain.listing import JobSummary

T = TypeVar("T")
WordT = TypeVar("WordT", bound=str)

JobId = Annotated[str, Meta(description="The job's id.", extra_json_schema={"format": "uuid"})]
Progress = Annotated[
    float,
    Meta(ge=0, le=1, description="Finished steps ÷ all steps; never goes down, and is 1.0 only when completed."),
]
Moment = Annotated[datetime, Meta(tz=True)]  # so that the schema names the format
Amount = Annotated[int, Meta(ge=0)]
Created = Annotated[Moment, Meta(description="When it was asked for.")]
Updated = Annotated[Moment, Meta(description="When it last changed.")]
NextTry = Annotated[Moment, Meta(description="When the next try is due; absent if there is to be none.")]
FailedAt = Annotated[Moment, Meta(description="When the try failed.")]
Expiry = Annotated[Moment, Meta(description="When the job is forgotten, unless it changes before.")]
Version = Annotated[int, Meta(ge=0, description="Grows with every change; the ETag.")]
Next = Annotated[str, Meta(description="The cursor of the next page; absent on the last one.")]

CANCELLED = "cancelled"
"""What is wrong with a job that the caller stopped, where no status of its own says so."""

UNEXPLAINED = Problem("internal-error", "The job failed without a word.")


class StatusWords(dict[Status, WordT], Generic[WordT]):
    """A kind's words for the statuses of its jobs; a status that this version does not know keeps its stored word."""

    def __missing__(self, status: Status) -> WordT:
        return status.value  # type: ignore[return-value]  # a word of a newer version


def or_unset(value: T | None) -> T | UnsetType:
    """Leave a field out that has no value."""
    return UNSET if value is None else value


def reason_of(job: Job) -> str | UnsetType:
    """Say why a job has failed, or that it was cancelled, if so."""
    match job.status:
        case Status.CANCELLED:
            return CANCELLED
        case Status.FAILED:
            return (job.problem or UNEXPLAINED).detail
        case _:
            return UNSET


class AttemptFields(msgspec.Struct, frozen=True):
    """A try of a step that failed; each kind adds `next_retry_at`, which msgspec would not rename here."""

    step: Annotated[str, Meta(description="The name of the step.")]
    attempt: Annotated[int, Meta(ge=1, description="Which try of the step it was.")]
    at: FailedAt
    error: Annotated[str, Meta(description="Why the try failed.")]


class FailedAttempt(AttemptFields, frozen=True, rename="camel"):
    """A try of a step that failed, and when the next one is due, if there is to be one."""

    next_retry_at: NextTry | UnsetType = UNSET


def failed_attempt(attempt: Attempt) -> FailedAttempt:
    """Show a try that failed."""
    return FailedAttempt(attempt.step, attempt.attempt, attempt.at, attempt.error, or_unset(attempt.next_retry_at))


class ListItemFields(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is said of every job in a list; msgspec puts keyword-only fields last."""

    progress: Progress
    created_at: Created
    updated_at: Updated
    expires_at: Expiry
    version: Version


def list_item(line: Callable[..., T], entry: JobSummary, *own: object) -> T:
    """Show a job in a list: its id, what its kind says of it, and what is said of every job."""
    facts = {name: getattr(entry, name) for name in ListItemFields.__struct_fields__}
    return line(entry.id, *own, **facts)
