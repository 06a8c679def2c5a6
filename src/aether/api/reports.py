"""`/reports`: a topic in, a structured report out."""

from typing import Annotated

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import UNSET, UnsetType
from typing_extensions import override

from aether.api.declaring import ended_at_once, id_parameter, problems
from aether.api.decoding import stored
from aether.api.headers import LOCATION, RETRY_AFTER
from aether.api.limits import DeadlineSeconds, MaxTokens, RetryBody, limits_of
from aether.api.problems import AnyRequest
from aether.api.report_events import REPORT_TELLING
from aether.api.report_views import (
    ReportAccepted,
    ReportJob,
    ReportPage,
    ReportStatus,
    report_job,
    report_page,
)
from aether.api.resource import Resource
from aether.api.waiting import APPLIED, Patience
from aether.api.webhook_views import WebhookBody, webhook_of
from aether.domain.job import Job, Kind
from aether.domain.listing import Page
from aether.domain.pace import Outlook
from aether.domain.report import Outline, OutlineItem, ReportRequest
from aether.domain.text import trim
from aether.engine.jobs import Jobs
from aether.engine.webhooks import Webhooks
from aether.errors import FieldError
from aether.workflows.report import first_steps


class ReportBody(ReportRequest, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the report is to be about, and as much of the rest as matters.

    Where both are given, `sections` is the number of headings in `outline`.
    """

    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET
    webhook: WebhookBody | UnsetType = UNSET

    def __post_init__(self) -> None:
        trim(self)
        if self.outline is UNSET:
            return
        if self.sections is not UNSET and self.sections != len(self.outline):
            raise FieldError("sections", "must be the number of headings in outline, or be left out")
        if len(Outline.of(map(OutlineItem, self.outline)).items) != len(self.outline):
            raise FieldError("outline", "must hold headings with words in them, not only marks")


ReportId = Annotated[str, id_parameter("jobId")]


class Reports(Resource[ReportId, ReportStatus, RetryBody, ReportJob, ReportPage]):
    """Reports, in camelCase."""

    path = "/reports"
    tags = ("Reports",)
    kind = Kind.REPORT
    noun = "report"
    meanwhile = "While the report is being written, `partial` holds every section that is finished."
    id_name = "jobId"
    telling = REPORT_TELLING

    @post(
        status_code=HTTP_202_ACCEPTED,
        summary="Ask for a report",
        response_description="Accepted; the report is being written.",
        response_headers=[LOCATION, RETRY_AFTER, APPLIED],
        responses=problems(400, 413, 415, 422, 503) | ended_at_once(ReportJob),
    )
    async def create_report(  # noqa: PLR0913 - all that it takes
        self,
        data: JSONBody[ReportBody],
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        *,
        patience: NamedDependency[Patience],
        webhooks: NamedDependency[Webhooks],
    ) -> Response[ReportAccepted]:
        """The job is queued when this answers; follow `Location` until its status is completed, failed or cancelled."""
        plan, limits = first_steps(data), limits_of(data)
        webhook = None if data.webhook is UNSET else webhooks.heed(webhook_of(data.webhook), "webhook.url")
        job_id = await jobs.submit(self.kind, owner, stored(data, ReportRequest), plan, limits, webhook)
        return await self.accepted(request, owner, job_id, patience, ReportAccepted(job_id))

    @override
    def view(self, job: Job, outlook: Outlook, url: str) -> ReportJob:
        return report_job(job, outlook)

    @override
    def page(self, page: Page) -> ReportPage:
        return report_page(page)


def reports_router(path: str, *, in_schema: bool) -> Router:
    """Return the resource below this path; the OpenAPI document names one of them."""
    return Router(path, route_handlers=[Reports], include_in_schema=in_schema)
