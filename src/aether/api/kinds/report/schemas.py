"""Report schemas: reports on the wire; the JSON has the order of the fields."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from aether.api.http.problem_details import Detail, Title, Uri
from aether.api.http.problems import type_uri
from aether.api.jobs.fields import (
    UNKNOWN_PROBLEM,
    CreatedAt,
    ExpiresAt,
    FailedAttempt,
    JobId,
    ListItemFields,
    NextCursor,
    Progress,
    StatusWords,
    UpdatedAt,
    Version,
    WaitingFor,
    failed_attempt,
    list_item,
    unset_if_none,
)
from aether.api.jobs.job_problems import JOB_PROBLEMS
from aether.api.kinds.report.estimate import QueuePosition, SecondsLeft, report_estimate
from aether.api.kinds.report.quality_schemas import Quality, Statistics, quality_of, statistics_of
from aether.api.kinds.report.step_schemas import Counts, Step, Usage, counts_of, step_of, usage_of
from aether.domain import job as domain
from aether.domain.estimate import Estimate
from aether.domain.job import Job, Status
from aether.domain.listing import JobPage, JobSummary
from aether.domain.named_literal import named_literal
from aether.domain.report import Report
from aether.workflows.report.record import ReportRecord

T = TypeVar("T")

_StatusWord: TypeAlias = Literal["pending", "processing", "completed", "failed", "cancelled"]
ReportStatus: TypeAlias = Annotated[_StatusWord, named_literal("ReportStatus", "The status of a report.", _StatusWord)]
STATUSES: StatusWords[ReportStatus] = StatusWords({status: status.value for status in Status})


class ReportAccepted(msgspec.Struct, frozen=True, rename="camel"):
    """The job that will write the report."""

    job_id: JobId


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
    quality: Quality | UnsetType = UNSET
    statistics: Statistics | UnsetType = UNSET
    template: Annotated[str, Meta(description="The version of the template that was used.")] | UnsetType = UNSET
    metadata: Annotated[dict[str, str], Meta(description="The labels from the request.")] | UnsetType = UNSET


PartialReport = Annotated[Report, Meta(description="The sections that are finished so far, in outline order.")]


class _FieldsInProgress(_CommonFields, frozen=True, rename="camel", kw_only=True):
    """The common fields, followed by those of `ReportEstimate`; msgspec cannot inherit from both."""

    queue_position: QueuePosition | UnsetType = UNSET
    estimated_seconds_left: SecondsLeft | UnsetType = UNSET
    waiting_for: WaitingFor | UnsetType = UNSET


class ReportInProgress(_FieldsInProgress, frozen=True, rename="camel"):
    """A report that waits for a worker or is being written."""

    job_id: JobId
    status: Literal["pending", "processing"]
    progress: Progress
    partial: PartialReport


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


_decode_topic = msgspec.json.Decoder(_StoredTopic).decode
_NO_ESTIMATE = Estimate()


def report_job(job: Job, estimate: Estimate = _NO_ESTIMATE) -> ReportJob:
    """Return a report job as the wire shows it."""
    record = ReportRecord(job)
    match job.status:
        case Status.COMPLETED:
            return _with_common_fields(ReportCompleted, job, record, record.report)
        case Status.FAILED:
            problem = job.problem or UNKNOWN_PROBLEM
            return _with_common_fields(ReportFailed, job, record, problem.detail, job_problem(problem), record.report)
        case Status.CANCELLED:
            return _with_common_fields(ReportCancelled, job, record, record.report)
        case _:  # pending, processing, or a status that this version does not know
            return _with_common_fields(
                ReportInProgress, job, record, record.report, **asdict(report_estimate(estimate))
            )


def _with_common_fields(
    job_type: Callable[..., T], job: Job, record: ReportRecord, *status_fields: object, **more: object
) -> T:
    return job_type(
        job.id,
        job.status.value,
        job.progress,
        *status_fields,
        created_at=job.created_at,
        updated_at=job.updated_at,
        expires_at=job.expires_at,
        version=job.version,
        counts=counts_of(job),
        steps=tuple(step_of(job, step) for step in job.steps),
        usage=usage_of(job),
        attempts=tuple(map(failed_attempt, job.attempts)),
        quality=quality_of(record),
        statistics=statistics_of(record),
        template=record.request.template,
        metadata=record.request.metadata,
        **more,
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
