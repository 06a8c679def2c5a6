"""Fields: types and values that the schemas of all kinds share."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.domain.estimate import Estimate
from aether.domain.job import Attempt, Job, Problem, Status
from aether.domain.listing import JobSummary
from aether.domain.named_literal import named_literal

T = TypeVar("T")
WordT = TypeVar("WordT", bound=str)

JobId = Annotated[str, Meta(description="The job's id.", extra_json_schema={"format": "uuid"})]
Progress = Annotated[
    float,
    Meta(ge=0, le=1, description="Finished steps ÷ all steps. Never decreases; 1.0 only once completed."),
]
Timestamp = Annotated[datetime, Meta(tz=True)]  # so that the schema names the format
Count = Annotated[int, Meta(ge=0)]
CreatedAt = Annotated[Timestamp, Meta(description="When the job was created.")]
UpdatedAt = Annotated[Timestamp, Meta(description="When the job last changed.")]
NextAttemptAt = Annotated[Timestamp, Meta(description="When the next attempt is due; absent if there is none.")]
FailedAt = Annotated[Timestamp, Meta(description="When the attempt failed.")]
ExpiresAt = Annotated[Timestamp, Meta(description="When the job is deleted, unless it changes before.")]
Version = Annotated[int, Meta(ge=0, description="Increases with every change; the ETag.")]
NextCursor = Annotated[str, Meta(description="The cursor of the next page; absent on the last page.")]

_WaitingForWord: TypeAlias = Literal["worker"]
WaitingFor: TypeAlias = Annotated[
    _WaitingForWord,
    named_literal(
        "WaitingFor",
        "What the job lacks to continue: `worker` if no worker is running. Other values may be added.",
        _WaitingForWord,
    ),
]

CANCELLED = "cancelled"
"""The error of a cancelled job, for kinds without a status of its own for it."""

UNKNOWN_PROBLEM = Problem("internal-error", "The job failed without a word.")


class StatusWords(dict[Status, WordT], Generic[WordT]):
    """A kind's words for the statuses of its jobs; a status that this version does not know keeps its stored word."""

    def __missing__(self, status: Status) -> WordT:
        return status.value  # type: ignore[return-value]  # a newer version's word


def unset_if_none(value: T | None) -> T | UnsetType:
    """Return the value, or UNSET for None, so that the field is left out."""
    return UNSET if value is None else value


def waiting_for(estimate: Estimate) -> WaitingFor | UnsetType:
    """Return what the job lacks to continue; UNSET if it lacks nothing."""
    return "worker" if estimate.lacks_worker else UNSET


class NoFields(msgspec.Struct, frozen=True):
    """What a kind shows that takes nothing from the estimate."""


class WaitingFields(msgspec.Struct, frozen=True, rename="camel"):
    """What a kind shows that takes from the estimate only whether a worker is running."""

    waiting_for: WaitingFor | UnsetType = UNSET


def error_of(job: Job) -> str | UnsetType:
    """Return why a job failed, or that it was cancelled; UNSET for other statuses."""
    match job.status:
        case Status.CANCELLED:
            return CANCELLED
        case Status.FAILED:
            return (job.problem or UNKNOWN_PROBLEM).detail
        case _:
            return UNSET


class AttemptFields(msgspec.Struct, frozen=True):
    """A failed attempt of a step; each kind adds `next_retry_at`, which msgspec would not rename here."""

    step: Annotated[str, Meta(description="The name of the step.")]
    attempt: Annotated[int, Meta(ge=1, description="The number of the attempt, from 1.")]
    at: FailedAt
    error: Annotated[str, Meta(description="Why the attempt failed.")]


class FailedAttempt(AttemptFields, frozen=True, rename="camel"):
    """A failed attempt of a step, and when the next one is due, if there is one."""

    next_retry_at: NextAttemptAt | UnsetType = UNSET


def failed_attempt(attempt: Attempt) -> FailedAttempt:
    """Return a failed attempt as the wire shows it."""
    return FailedAttempt(attempt.step, attempt.attempt, attempt.at, attempt.error, unset_if_none(attempt.next_retry_at))


class ListItemFields(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The fields of every job in a list; msgspec puts keyword-only fields last."""

    progress: Progress
    created_at: CreatedAt
    updated_at: UpdatedAt
    expires_at: ExpiresAt
    version: Version


def list_item(item_type: Callable[..., T], job: JobSummary, *kind_fields: object) -> T:
    """Return a job in a list, with the fields of its kind between the id and the common fields."""
    common_fields = {name: getattr(job, name) for name in ListItemFields.__struct_fields__}
    return item_type(job.id, *kind_fields, **common_fields)
