"""Report controller: `/reports`, from a topic to a structured report; in camelCase."""

from typing import Annotated, get_args

import msgspec
from litestar import Response
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED
from msgspec import UNSET
from msgspec.structs import replace
from typing_extensions import override

from aether.api.http.idempotency_key import IdempotencyKey
from aether.api.http.prefer import PREFERENCE_APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import post
from aether.api.jobs.export_controller import ExportController
from aether.api.jobs.job_headers import LOCATION, RETRY_AFTER
from aether.api.jobs.job_limits import RetryBody, limits_of
from aether.api.jobs.read_tokens import JobToken, TokenBody
from aether.api.jobs.submission import admission_of
from aether.api.kinds.report.body import ReportBody, requested_report
from aether.api.kinds.report.estimate import ReportEstimate, report_estimate
from aether.api.kinds.report.events import REPORT_EVENTS
from aether.api.kinds.report.examples import REPORT_EXAMPLES
from aether.api.kinds.report.manuscript import report_manuscript
from aether.api.kinds.report.resource import REPORTS
from aether.api.kinds.report.schemas import ReportAccepted, ReportJob, ReportPage, ReportStatus, report_job, report_page
from aether.api.openapi.operations import CREATE_ERRORS, ended_job, format_parameter, id_parameter, problems
from aether.api.state import services_of
from aether.api.webhooks.schemas import webhook_of
from aether.documents.formats import FormatName
from aether.documents.manuscript import Manuscript
from aether.domain.estimate import Estimate
from aether.domain.job import Job
from aether.domain.listing import JobPage
from aether.domain.named_literal import named_literal
from aether.workflows.report.recipe import first_steps

ReportId = Annotated[str, id_parameter(REPORTS.id_name)]
ReportFormat = Annotated[
    FormatName, format_parameter(REPORTS.noun), named_literal("ReportFormat", "The formats of a report.", FormatName)
]


class Reports(
    ExportController[ReportId, ReportStatus, RetryBody, TokenBody, ReportJob, ReportPage, JobToken, ReportFormat]
):
    """Reports, in camelCase."""

    resource = REPORTS
    progress_note = "While the report is being written, `partial` contains the finished sections."
    formats = get_args(FormatName)
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
        kind, limits = self.resource.kind, limits_of(data)
        webhook = None if data.webhook is UNSET else services.webhooks.validate(webhook_of(data.webhook), "webhook.url")
        job_id = None
        if data.template is not UNSET:
            # The template may have changed since the first request with this key.
            admission = replace(admission, as_sent=msgspec.json.encode(replace(data, webhook=UNSET)))
            job_id = await services.jobs.find_repeated(kind, admission, limits, webhook)
        if job_id is None:
            report = await requested_report(data, services.templates, admission.owner)
            content = msgspec.json.encode(report)
            job_id = await services.jobs.submit(kind, admission, content, first_steps(report), limits, webhook)
        return await self.respond_created(request, job_id, prefer, ReportAccepted(job_id))

    @override
    def manuscript_of(self, job: Job, model: str) -> Manuscript:
        return report_manuscript(job, model)

    @override
    def show_job(self, job: Job, estimate: Estimate, url: str) -> ReportJob:
        return report_job(job, estimate)

    @override
    def show_estimate(self, estimate: Estimate) -> ReportEstimate:
        return report_estimate(estimate)

    @override
    def show_page(self, page: JobPage) -> ReportPage:
        return report_page(page)
