"""Report schemas: reports on the wire; the JSON has the order of the fields."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.http.job_problems import JOB_PROBLEMS
from aether.api.http.problem_details import Detail, Title, Uri
from aether.api.http.problems import type_uri
from aether.api.jobs.fields import (
    UNKNOWN_PROBLEM,
    Count,
    CreatedAt,
    ExpiresAt,
    FailedAttempt,
    JobId,
    ListItemFields,
    NextCursor,
    Progress,
    StatusWords,
    Timestamp,
    UpdatedAt,
    Version,
    WaitingFor,
    failed_attempt,
    list_item,
    unset_if_none,
    waiting_for,
)
from aether.domain import job as domain
from aether.domain.estimate import Estimate
from aether.domain.job import Job, Status, StepStatus
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.report import Report
from aether.workflows.report.recipe import report_so_far

T = TypeVar("T")

_StatusWord: TypeAlias = Literal["pending", "processing", "completed", "failed", "cancelled"]
ReportStatus: TypeAlias = Annotated[_StatusWord, named_literal("ReportStatus", "The status of a report.", _StatusWord)]
STATUSES: StatusWords[ReportStatus] = StatusWords({status: status.value for status in Status})


class ReportAccepted(msgspec.Struct, frozen=True, rename="camel"):
    """The job that will write the report."""

    job_id: JobId


class Counts(msgspec.Struct, frozen=True):
    """How many steps have each status. `total` increases once, when the outline is finished."""

    total: Annotated[Count, Meta(description="All steps that are known so far.")]
    pending: Annotated[Count, Meta(description="Not started, or interrupted when the job ended.")]
    running: Annotated[Count, Meta(description="Started, or waiting for the next attempt.")]
    done: Annotated[Count, Meta(description="Finished.")]
    failed: Annotated[Count, Meta(description="Given up; retrying the job starts them again.")]


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the work that is done once: the outline or a section."""

    name: Annotated[str, Meta(description="`outline`, or `section:` and its position from 0.", examples=["section:0"])]
    status: StepStatus
    attempts: Annotated[int, Meta(ge=0, description="How many attempts were started.")]
    title: Annotated[str, Meta(description="The heading of the section.")] | UnsetType = UNSET
    started_at: Annotated[Timestamp, Meta(description="When the first attempt started.")] | UnsetType = UNSET
    finished_at: Annotated[Timestamp, Meta(description="When the step was finished.")] | UnsetType = UNSET


class Usage(msgspec.Struct, frozen=True, rename="camel"):
    """The model calls so far and their tokens."""

    calls: Annotated[Count, Meta(description="How many model calls were answered.")]
    input_tokens: Annotated[Count, Meta(description="Tokens in the prompts.")]
    output_tokens: Annotated[Count, Meta(description="Tokens in the answers.")]


class JobProblem(msgspec.Struct, frozen=True):
    """Why the job failed (RFC 9457)."""

    type: Uri
    title: Title
    detail: Detail
    step: Annotated[str, Meta(description="The step that failed.")] | UnsetType = UNSET


class _CommonFields(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The fields of every report job; msgspec puts keyword-only fields last, so they follow those of each status."""

    created_at: CreatedAt
    updated_at: UpdatedAt
    expires_at: ExpiresAt
    version: Version
    counts: Counts
    steps: Annotated[tuple[Step, ...], Meta(description="The steps that are known so far, in order.")]
    usage: Usage
    attempts: Annotated[tuple[FailedAttempt, ...], Meta(description="The failed attempts, oldest first.")]
    metadata: Annotated[dict[str, str], Meta(description="The labels from the request.")] | UnsetType = UNSET


QueuePosition = Annotated[
    int, Meta(ge=1, description="The job's position in the queue, from 1. It may increase, because owners take turns.")
]
SecondsLeft = Annotated[float, Meta(ge=0, description="Estimated from the run times of recent jobs; not guaranteed.")]
PartialReport = Annotated[Report, Meta(description="The sections that are finished so far, in outline order.")]


class ReportInProgress(_CommonFields, frozen=True, rename="camel"):
    """A report that waits for a worker or is being written."""

    job_id: JobId
    status: Literal["pending", "processing"]
    progress: Progress
    partial: PartialReport
    queue_position: QueuePosition | UnsetType = UNSET
    estimated_seconds_left: SecondsLeft | UnsetType = UNSET
    waiting_for: WaitingFor | UnsetType = UNSET


class ReportCompleted(_CommonFields, frozen=True, rename="camel"):
    """A complete report."""

    job_id: JobId
    status: Literal["completed"]
    progress: Progress
    report: Report


class ReportFailed(_CommonFields, frozen=True, rename="camel"):
    """A report that failed; a retry keeps its finished sections."""

    job_id: JobId
    status: Literal["failed"]
    progress: Progress
    error: Annotated[str, Meta(description="What went wrong.")]
    problem: JobProblem
    partial: PartialReport


class ReportCancelled(_CommonFields, frozen=True, rename="camel"):
    """A report that the caller cancelled; a retry keeps its finished sections."""

    job_id: JobId
    status: Literal["cancelled"]
    progress: Progress
    partial: PartialReport


ReportJob: TypeAlias = ReportInProgress | ReportCompleted | ReportFailed | ReportCancelled


class ReportLine(ListItemFields, frozen=True, rename="camel"):
    """A report in a list."""

    job_id: JobId
    topic: Annotated[str, Meta(description="The topic of the report.")]
    status: ReportStatus


class ReportPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the caller's reports, newest first."""

    reports: Annotated[tuple[ReportLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: NextCursor | UnsetType = UNSET


class _StoredTopic(msgspec.Struct, frozen=True):
    topic: str = ""


class _StoredLabels(msgspec.Struct, frozen=True):
    metadata: dict[str, str] | UnsetType = UNSET


_decode_topic = msgspec.json.Decoder(_StoredTopic).decode
_decode_labels = msgspec.json.Decoder(_StoredLabels).decode
_NO_ESTIMATE = Estimate()


def report_job(job: Job, estimate: Estimate = _NO_ESTIMATE) -> ReportJob:
    """Return a report job as the wire shows it."""
    report = report_so_far(job)
    match job.status:
        case Status.COMPLETED:
            return _with_common_fields(ReportCompleted, job, report)
        case Status.FAILED:
            problem = job.problem or UNKNOWN_PROBLEM
            return _with_common_fields(ReportFailed, job, problem.detail, job_problem(problem), report)
        case Status.CANCELLED:
            return _with_common_fields(ReportCancelled, job, report)
        case _:  # pending, processing, or a status that this version does not know
            seconds = None if estimate.seconds_left is None else round(estimate.seconds_left, 1)
            outlook = unset_if_none(estimate.position), unset_if_none(seconds), waiting_for(estimate)
            return _with_common_fields(ReportInProgress, job, report, *outlook)


def _with_common_fields(job_type: Callable[..., T], job: Job, *status_fields: object) -> T:
    return job_type(
        job.id,
        job.status.value,
        job.progress,
        *status_fields,
        created_at=job.created_at,
        updated_at=job.updated_at,
        expires_at=job.expires_at,
        version=job.version,
        counts=_counts(job),
        steps=tuple(_step(job, step) for step in job.steps),
        usage=Usage(job.usage.calls, job.usage.input_tokens, job.usage.output_tokens),
        attempts=tuple(map(failed_attempt, job.attempts)),
        metadata=_decode_labels(job.input).metadata,
    )


def report_page(page: JobPage) -> ReportPage:
    """Return a page of reports as the wire shows it."""
    return ReportPage(tuple(map(_list_item, page.jobs)), unset_if_none(page.next))


def _list_item(job: JobSummary) -> ReportLine:
    return list_item(ReportLine, job, _decode_topic(job.input).topic, STATUSES[job.status])


def job_problem(problem: domain.Problem) -> JobProblem:
    """Return why a job failed, as the wire shows it."""
    title = JOB_PROBLEMS.get(problem.type, problem.type.replace("-", " ").capitalize())
    return JobProblem(type_uri(problem.type), title, problem.detail, unset_if_none(problem.step))


def _counts(job: Job) -> Counts:
    total = max(job.total, len(job.steps))
    statuses = [_step_status(job, step) for step in job.steps]
    running, done, failed = map(statuses.count, (StepStatus.RUNNING, StepStatus.DONE, StepStatus.FAILED))
    return Counts(total, total - running - done - failed, running, done, failed)


def _step(job: Job, step: domain.Step) -> Step:
    times = unset_if_none(step.started_at), unset_if_none(step.finished_at)
    return Step(step.name, _step_status(job, step), step.attempts, unset_if_none(step.title), *times)


def _step_status(job: Job, step: domain.Step) -> StepStatus:
    """Return the status of a step; one that was interrupted when its job ended is pending, as it waits for a retry."""
    is_interrupted = step.status is StepStatus.RUNNING and job.status is not Status.PROCESSING
    return StepStatus.PENDING if is_interrupted else step.status
