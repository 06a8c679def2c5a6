"""Report controller: `/reports`, from a topic to a structured report; in camelCase."""

from typing import Annotated

from litestar import Response
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import UNSET, Meta, UnsetType
from typing_extensions import override

from aether.api.http.idempotency_key import IdempotencyKey
from aether.api.http.prefer import PREFERENCE_APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import post
from aether.api.jobs.controller import JobController
from aether.api.jobs.job_headers import LOCATION, RETRY_AFTER
from aether.api.jobs.job_limits import DeadlineSeconds, MaxTokens, RetryBody, limits_of
from aether.api.jobs.read_tokens import JobToken, TokenBody
from aether.api.jobs.submission import admission_of, serialize_request
from aether.api.kinds.report.events import REPORT_EVENTS
from aether.api.kinds.report.examples import REPORT_EXAMPLES
from aether.api.kinds.report.resource import REPORTS
from aether.api.kinds.report.schemas import ReportAccepted, ReportJob, ReportPage, ReportStatus, report_job, report_page
from aether.api.openapi.operations import CREATE_ERRORS, ended_job, id_parameter, problems
from aether.api.state import services_of
from aether.api.webhooks.schemas import WebhookBody, webhook_of
from aether.domain.derived_section import EntryTarget, WordTarget
from aether.domain.estimate import Estimate
from aether.domain.job import Job
from aether.domain.listing import JobPage
from aether.domain.report import Checks, ReportRequest
from aether.domain.text_field import trim
from aether.workflows.report.recipe import first_steps


class DerivedText(WordTarget, frozen=True, forbid_unknown_fields=True):
    """How long a derived text is to be."""

    words: Annotated[int, Meta(ge=20, le=1_000, description="About how many words it is to have.")]


class DerivedList(EntryTarget, frozen=True, forbid_unknown_fields=True):
    """How long a derived list is to be."""

    count: Annotated[int, Meta(ge=1, le=50, description="How many entries it is to have; a glossary may have fewer.")]


class ReportBody(ReportRequest, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The topic of a report; everything else is optional."""

    checks: (
        Annotated[
            Checks,
            Meta(
                description="What is done with the faults that code finds in the sections: nothing (`off`), they are "
                "told in `quality` (`report`), or the worst sections are also written once more (`rewrite`). The "
                "default is the server's."
            ),
        ]
        | UnsetType
    ) = UNSET
    summary: Annotated[DerivedText | bool, Meta(description="A summary, by default of 120 words.")] = False
    conclusion: Annotated[DerivedText | bool, Meta(description="A conclusion, by default of 120 words.")] = False
    key_points: Annotated[DerivedList | bool, Meta(description="The key points, by default 5.")] = False
    glossary: Annotated[DerivedList | bool, Meta(description="A glossary, by default of up to 10 terms.")] = False
    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET
    webhook: WebhookBody | UnsetType = UNSET

    def __post_init__(self) -> None:
        trim(self)


ReportId = Annotated[str, id_parameter(REPORTS.id_name)]


class Reports(JobController[ReportId, ReportStatus, RetryBody, TokenBody, ReportJob, ReportPage, JobToken]):
    """Reports, in camelCase."""

    resource = REPORTS
    progress_note = "While the report is being written, `partial` contains the finished sections."
    vocabulary = REPORT_EVENTS
    examples = REPORT_EXAMPLES

    @post(
        status_code=HTTP_202_ACCEPTED,
        summary="Ask for a report",
        response_description="Accepted; the report is being written.",
        response_headers=[LOCATION, RETRY_AFTER, PREFERENCE_APPLIED],
        responses=problems(*CREATE_ERRORS) | ended_job(ReportJob),
    )
    async def create_report(
        self,
        data: JSONBody[ReportBody],
        request: AnyRequest,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = "",
    ) -> Response[ReportAccepted]:
        """The job is queued once this answers. Follow `Location` until the status is completed, failed or cancelled."""
        services, admission = services_of(request), admission_of(request, idempotency_key)
        plan, limits = first_steps(data), limits_of(data)
        webhook = None if data.webhook is UNSET else services.webhooks.validate(webhook_of(data.webhook), "webhook.url")
        job_id = await services.jobs.submit(
            self.resource.kind, admission, serialize_request(data, ReportRequest), plan, limits, webhook
        )
        return await self.respond_created(request, job_id, prefer, ReportAccepted(job_id))

    @override
    def show_job(self, job: Job, estimate: Estimate, url: str) -> ReportJob:
        return report_job(job, estimate)

    @override
    def show_page(self, page: JobPage) -> ReportPage:
        return report_page(page)
