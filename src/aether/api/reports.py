"""`/reports`: ask for a report, watch it, stop it, try again, forget it."""

import re
from typing import Annotated, Any

import msgspec
import structlog
from litestar import Controller, Response, Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED, HTTP_304_NOT_MODIFIED
from msgspec import UNSET, UnsetType

from aether.api.conditional import entity_tag, is_current
from aether.api.limits import DeadlineSeconds, MaxTokens, RetryBody, limits_of
from aether.api.openapi import described, problems
from aether.api.problems import AnyRequest
from aether.api.views import ReportAccepted, ReportJob, report_job
from aether.domain.job import LIVE, Job, Kind
from aether.domain.pace import Outlook
from aether.domain.report import Outline, OutlineItem, ReportRequest
from aether.domain.text import trim
from aether.engine.jobs import Jobs
from aether.errors import FieldError, UnknownJobError
from aether.workflows.report import first_steps

_POLL_AFTER_S = "1"
_NOTHING_TO_COME = Outlook()
_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

JobId = Annotated[str, PathParameter(name="jobId", description="The job's id.", schema_extra={"format": "uuid"})]
IfNoneMatch = Annotated[str, HeaderParameter(name="If-None-Match", description="The ETag of what you have already.")]

_LOCATION = ResponseHeader(name="Location", description="Where the job is.", documentation_only=True)
_RETRY_AFTER = ResponseHeader(
    name="Retry-After",
    description="When to ask again, in seconds; absent once the job has ended.",
    documentation_only=True,
)
_ETAG = ResponseHeader(name="ETag", description="The job's version, in quotes.", documentation_only=True)


class ReportBody(ReportRequest, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the report is to be about, and as much of the rest as matters.

    Where both are given, `sections` is the number of headings in `outline`.
    """

    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET

    def __post_init__(self) -> None:
        trim(self)
        if self.outline is UNSET:
            return
        if self.sections is not UNSET and self.sections != len(self.outline):
            raise FieldError("sections", "must be the number of headings in outline, or be left out")
        if len(Outline.of(map(OutlineItem, self.outline)).items) != len(self.outline):
            raise FieldError("outline", "must hold headings with words in them, not only marks")


async def _heed_job_id(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Name the job in every line of the log; an id of another form than ours is unknown without a look."""
    job_id = connection.path_params.get("jobId")
    if job_id is not None:
        if not _JOB_ID.fullmatch(job_id):
            raise UnknownJobError(job_id)
        structlog.contextvars.bind_contextvars(job_id=job_id)


class Reports(Controller):
    """The resource, wherever it is mounted."""

    tags = ("Reports",)
    guards = (_heed_job_id,)

    @post(
        status_code=HTTP_202_ACCEPTED,
        summary="Ask for a report",
        response_description="Accepted; the report is being written.",
        response_headers=[_LOCATION, _RETRY_AFTER],
        responses=problems(400, 413, 415, 422, 503),
    )
    async def create_report(
        self, data: JSONBody[ReportBody], request: AnyRequest, jobs: NamedDependency[Jobs], owner: NamedDependency[str]
    ) -> Response[ReportAccepted]:
        """The job is queued when this answers; follow `Location` until its status is completed, failed or cancelled."""
        job_id = await jobs.submit(Kind.REPORT, owner, _stored(data), first_steps(data), limits_of(data))
        structlog.contextvars.bind_contextvars(job_id=job_id)
        headers = {"Location": _location(request, job_id), "Retry-After": _POLL_AFTER_S}
        return Response(ReportAccepted(job_id), headers=headers)

    @get(
        "/{jobId:str}",
        summary="Watch a report",
        response_description="The job as it stands.",
        response_headers=[_ETAG, _RETRY_AFTER],
        responses=problems(404, 503) | described(HTTP_304_NOT_MODIFIED, "Nothing has changed since the ETag you sent."),
    )
    async def get_report(
        self, job_id: JobId, jobs: NamedDependency[Jobs], owner: NamedDependency[str], if_none_match: IfNoneMatch = ""
    ) -> Response[ReportJob]:
        """While the report is being written, `partial` holds every section that is finished."""
        job = await jobs.get(Kind.REPORT, owner, job_id)
        if is_current(if_none_match, entity_tag(job.version)):
            return Response(None, status_code=HTTP_304_NOT_MODIFIED, headers=_headers(job))  # type: ignore[arg-type]
        return _answer(job, await jobs.outlook(job))

    @post(
        "/{jobId:str}/cancel",
        status_code=HTTP_200_OK,
        summary="Stop a report",
        response_description="The job, cancelled.",
        response_headers=[_ETAG],
        responses=problems(404, 409, 503),
    )
    async def cancel_report(
        self, job_id: JobId, jobs: NamedDependency[Jobs], owner: NamedDependency[str]
    ) -> Response[ReportJob]:
        """What is finished stays in `partial`; cancelling again changes nothing."""
        return _answer(await jobs.cancel(Kind.REPORT, owner, job_id))

    @post(
        "/{jobId:str}/retry",
        status_code=HTTP_202_ACCEPTED,
        summary="Go on with a failed or cancelled report",
        response_description="The job, queued again.",
        response_headers=[_LOCATION, _ETAG, _RETRY_AFTER],
        responses=problems(400, 404, 409, 413, 415, 422, 503),
    )
    async def retry_report(
        self,
        job_id: JobId,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        data: JSONBody[RetryBody | None] = None,
    ) -> Response[ReportJob]:
        """Finished steps are kept: only what is missing is written. The body, if any, sets new limits."""
        job = await jobs.retry(Kind.REPORT, owner, job_id, limits_of(data))
        answer = _answer(job, await jobs.outlook(job))
        answer.headers["Location"] = _location(request, job_id)
        return answer

    @delete(
        "/{jobId:str}",
        summary="Forget a report",
        response_description="Everything about the job is gone.",
        responses=problems(404, 503),
    )
    async def delete_report(self, job_id: JobId, jobs: NamedDependency[Jobs], owner: NamedDependency[str]) -> None:
        """A job that is still running is cancelled first."""
        await jobs.erase(Kind.REPORT, owner, job_id)


def _stored(body: ReportBody) -> bytes:
    """Return what the worker reads: the domain's own names, without what was left out."""
    return msgspec.json.encode(ReportRequest(*(getattr(body, name) for name in ReportRequest.__struct_fields__)))


def _location(request: AnyRequest, job_id: str) -> str:
    """Return the job's path under the prefix by which the caller came."""
    prefix, _, _ = request.scope["path"].partition("/reports")
    return f"{request.scope.get('root_path', '')}{prefix}/reports/{job_id}"


def _answer(job: Job, outlook: Outlook = _NOTHING_TO_COME) -> Response[ReportJob]:
    return Response(report_job(job, outlook), headers=_headers(job))


def _headers(job: Job) -> dict[str, str]:
    fixed = {"ETag": entity_tag(job.version), "Cache-Control": "private, no-cache"}
    return fixed | ({"Retry-After": _POLL_AFTER_S} if job.status in LIVE else {})


def reports_router(path: str, *, in_schema: bool) -> Router:
    """Return the resource under this path; the OpenAPI document names one of them."""
    return Router(path, route_handlers=[Reports], include_in_schema=in_schema)
