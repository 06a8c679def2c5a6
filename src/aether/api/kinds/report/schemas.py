"""Report jobs as the wire shows them; the order of the fields is the order of the JSON."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.http.problem_details import Detail, Title, Uri
from aether.api.http.problems import JOB_PROBLEMS, type_uri
from aether.api.jobs.fields import (
    UNEXPLAINED,
    Amount,
    Created,
    Expiry,
    FailedAttempt,
    JobId,
    ListItemFields,
    Moment,
    Next,
    Progress,
    StatusWords,
    Updated,
    Version,
    failed_attempt,
    list_item,
    or_unset,
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
ReportStatus: TypeAlias = Annotated[_StatusWord, named_literal("ReportStatus", "Where a report stands.", _StatusWord)]
STATUSES: StatusWords[ReportStatus] = StatusWords({status: status.value for status in Status})


class ReportAccepted(msgspec.Struct, frozen=True, rename="camel"):
    """The job that will write the report."""

    job_id: JobId


class Counts(msgspec.Struct, frozen=True):
    """How many steps stand where; `total` grows once, when the outline is known."""

    total: Annotated[Amount, Meta(description="All that are known so far.")]
    pending: Annotated[Amount, Meta(description="Not begun, or cut off when the job was stopped.")]
    running: Annotated[Amount, Meta(description="Begun, or waiting for the next try.")]
    done: Annotated[Amount, Meta(description="Finished for good.")]
    failed: Annotated[Amount, Meta(description="Given up; retry takes them up again.")]


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """One durable piece of the work: the outline, or one section."""

    name: Annotated[str, Meta(description="`outline`, or `section:` and its position from 0.", examples=["section:0"])]
    status: StepStatus
    attempts: Annotated[int, Meta(ge=0, description="How often it was tried, the present try included.")]
    title: Annotated[str, Meta(description="The section's heading.")] | UnsetType = UNSET
    started_at: Annotated[Moment, Meta(description="When its first try began.")] | UnsetType = UNSET
    finished_at: Annotated[Moment, Meta(description="When its result was there.")] | UnsetType = UNSET


class Usage(msgspec.Struct, frozen=True, rename="camel"):
    """What the model calls cost so far."""

    calls: Annotated[Amount, Meta(description="Model calls that were answered.")]
    input_tokens: Annotated[Amount, Meta(description="Tokens that the model read.")]
    output_tokens: Annotated[Amount, Meta(description="Tokens that the model wrote.")]


class JobProblem(msgspec.Struct, frozen=True):
    """Why the job failed (RFC 9457)."""

    type: Uri
    title: Title
    detail: Detail
    step: Annotated[str, Meta(description="The step that gave up.")] | UnsetType = UNSET


class _Facts(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What is said of every job; msgspec puts keyword-only fields last, so they follow those of each status."""

    created_at: Created
    updated_at: Updated
    expires_at: Expiry
    version: Version
    counts: Counts
    steps: Annotated[tuple[Step, ...], Meta(description="The steps that are known so far, in order.")]
    usage: Usage
    attempts: Annotated[tuple[FailedAttempt, ...], Meta(description="Every try that failed, oldest first.")]
    metadata: Annotated[dict[str, str], Meta(description="The labels given with the request.")] | UnsetType = UNSET


QueuePosition = Annotated[
    int, Meta(ge=1, description="Its place among the jobs that wait; it may rise, as owners take turns.")
]
Left = Annotated[float, Meta(ge=0, description="Until it is done, judged by how others went; no promise.")]
Partial = Annotated[Report, Meta(description="The sections that are finished so far, in outline order.")]


class ReportInProgress(_Facts, frozen=True, rename="camel"):
    """A report that waits for a worker or is being written."""

    job_id: JobId
    status: Literal["pending", "processing"]
    progress: Progress
    partial: Partial
    queue_position: QueuePosition | UnsetType = UNSET
    estimated_seconds_left: Left | UnsetType = UNSET


class ReportCompleted(_Facts, frozen=True, rename="camel"):
    """A report with every section written."""

    job_id: JobId
    status: Literal["completed"]
    progress: Progress
    report: Report


class ReportFailed(_Facts, frozen=True, rename="camel"):
    """A report that could not be finished; retry goes on with what is there."""

    job_id: JobId
    status: Literal["failed"]
    progress: Progress
    error: Annotated[str, Meta(description="A description of what went wrong.")]
    problem: JobProblem
    partial: Partial


class ReportCancelled(_Facts, frozen=True, rename="camel"):
    """A report that the caller stopped; retry goes on with what is there."""

    job_id: JobId
    status: Literal["cancelled"]
    progress: Progress
    partial: Partial


ReportJob: TypeAlias = ReportInProgress | ReportCompleted | ReportFailed | ReportCancelled


class ReportLine(ListItemFields, frozen=True, rename="camel"):
    """A report in a list: what it is about and where it stands."""

    job_id: JobId
    topic: Annotated[str, Meta(description="What it is about.")]
    status: ReportStatus


class ReportPage(msgspec.Struct, frozen=True, rename="camel"):
    """Some of the caller's reports, the newest first."""

    reports: Annotated[tuple[ReportLine, ...], Meta(description="The jobs of this page.")]
    next_cursor: Next | UnsetType = UNSET


class _Titled(msgspec.Struct, frozen=True):
    topic: str = ""


class _Labelled(msgspec.Struct, frozen=True):
    metadata: dict[str, str] | UnsetType = UNSET


_decode_topic = msgspec.json.Decoder(_Titled).decode
_decode_labels = msgspec.json.Decoder(_Labelled).decode
_UNKNOWN = Estimate()


def report_job(job: Job, estimate: Estimate = _UNKNOWN) -> ReportJob:
    """Show a report job as it stands, and what is to come."""
    report = report_so_far(job)
    match job.status:
        case Status.COMPLETED:
            return _shown(ReportCompleted, job, report)
        case Status.FAILED:
            why = job.problem or UNEXPLAINED
            return _shown(ReportFailed, job, why.detail, job_problem(why), report)
        case Status.CANCELLED:
            return _shown(ReportCancelled, job, report)
        case _:  # it waits, runs or has a status that this version does not know
            seconds = None if estimate.seconds_left is None else round(estimate.seconds_left, 1)
            return _shown(ReportInProgress, job, report, or_unset(estimate.position), or_unset(seconds))


def _shown(view: Callable[..., T], job: Job, *own: object) -> T:
    return view(
        job.id,
        job.status.value,
        job.progress,
        *own,
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
    """Show a page of reports."""
    return ReportPage(tuple(map(_line, page.jobs)), or_unset(page.next))


def _line(entry: JobSummary) -> ReportLine:
    return list_item(ReportLine, entry, _decode_topic(entry.input).topic, STATUSES[entry.status])


def job_problem(problem: domain.Problem) -> JobProblem:
    """Tell why a job failed."""
    title = JOB_PROBLEMS.get(problem.type, problem.type.replace("-", " ").capitalize())
    return JobProblem(type_uri(problem.type), title, problem.detail, or_unset(problem.step))


def _counts(job: Job) -> Counts:
    total = max(job.total, len(job.steps))
    stand = [_standing(job, step) for step in job.steps]
    running, done, failed = map(stand.count, (StepStatus.RUNNING, StepStatus.DONE, StepStatus.FAILED))
    return Counts(total, total - running - done - failed, running, done, failed)


def _step(job: Job, step: domain.Step) -> Step:
    times = or_unset(step.started_at), or_unset(step.finished_at)
    return Step(step.name, _standing(job, step), step.attempts, or_unset(step.title), *times)


def _standing(job: Job, step: domain.Step) -> StepStatus:
    """Say where a step stands: what was cut off when its job was stopped runs no more, but waits for a retry."""
    cut_off = step.status is StepStatus.RUNNING and job.status is not Status.PROCESSING
    return StepStatus.PENDING if cut_off else step.status
