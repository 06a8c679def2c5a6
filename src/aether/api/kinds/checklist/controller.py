"""Checklist controller: `/jobs/`, from a guideline to a checklist; in snake_case, with or without the final slash."""

from typing import Annotated, Literal, TypeAlias, get_args

from litestar import Response
from litestar.params import JSONBody
from litestar.status_codes import HTTP_201_CREATED
from typing_extensions import override

from aether.api.http.idempotency_key import IdempotencyKey
from aether.api.http.prefer import PREFERENCE_APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import post
from aether.api.jobs.export_controller import ExportController
from aether.api.jobs.fields import waiting_for
from aether.api.jobs.job_headers import LOCATION, RETRY_AFTER
from aether.api.jobs.snake_case import SnakeCaseWaitingFields
from aether.api.jobs.submission import admission_of, serialize_request
from aether.api.kinds.checklist.events import CHECKLIST_EVENTS
from aether.api.kinds.checklist.examples import CHECKLIST_EXAMPLES
from aether.api.kinds.checklist.manuscript import checklist_manuscript
from aether.api.kinds.checklist.resource import CHECKLISTS
from aether.api.kinds.checklist.schemas import (
    ChecklistAccepted,
    ChecklistJob,
    ChecklistPage,
    ChecklistRetryBody,
    ChecklistStatus,
    ChecklistToken,
    ChecklistTokenBody,
    checklist_job,
    checklist_page,
)
from aether.api.openapi.operations import CREATE_ERRORS, ended_job, format_parameter, id_parameter, problems
from aether.api.state import services_of
from aether.documents.manuscript import Manuscript
from aether.domain.checklist import ChecklistRequest
from aether.domain.estimate import Estimate
from aether.domain.job import Job
from aether.domain.listing import JobPage
from aether.domain.named_literal import named_literal
from aether.domain.text_field import trim

ChecklistId = Annotated[str, id_parameter(CHECKLISTS.id_name)]
_FormatWord: TypeAlias = Literal["md", "docx", "pdf"]
ChecklistFormat = Annotated[
    _FormatWord,
    format_parameter(CHECKLISTS.noun),
    named_literal("ChecklistFormat", "The formats of a checklist.", _FormatWord),
]


class ChecklistBody(ChecklistRequest, frozen=True, forbid_unknown_fields=True):
    """The guideline for a checklist."""

    def __post_init__(self) -> None:
        trim(self)


class Checklists(
    ExportController[
        ChecklistId,
        ChecklistStatus,
        ChecklistRetryBody,
        ChecklistTokenBody,
        ChecklistJob,
        ChecklistPage,
        ChecklistToken,
        ChecklistFormat,
    ]
):
    """Checklists, in snake_case."""

    resource = CHECKLISTS
    progress_note = "`summary` is present as soon as it is written, before the checklist is."
    formats = get_args(_FormatWord)
    vocabulary = CHECKLIST_EVENTS
    examples = CHECKLIST_EXAMPLES

    @post(
        status_code=HTTP_201_CREATED,
        summary="Ask for a checklist",
        response_description="Accepted; the checklist is being made.",
        response_headers=[LOCATION, RETRY_AFTER, PREFERENCE_APPLIED],
        responses=problems(*CREATE_ERRORS) | ended_job(ChecklistJob),
    )
    async def create_checklist(
        self,
        data: JSONBody[ChecklistBody],
        request: AnyRequest,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = "",
    ) -> Response[ChecklistAccepted]:
        """The job is queued once this answers. Follow `Location` until the status is succeeded or failed."""
        admission, content = admission_of(request, idempotency_key), serialize_request(data, ChecklistRequest)
        job_id = await services_of(request).jobs.submit(self.resource.kind, admission, content)
        return await self.respond_created(request, job_id, prefer, ChecklistAccepted(job_id))

    @override
    def manuscript_of(self, job: Job, model: str) -> Manuscript:
        return checklist_manuscript(job, model)

    @override
    def show_job(self, job: Job, estimate: Estimate, url: str) -> ChecklistJob:
        return checklist_job(job, estimate)

    @override
    def show_estimate(self, estimate: Estimate) -> SnakeCaseWaitingFields:
        return SnakeCaseWaitingFields(waiting_for(estimate))

    @override
    def show_page(self, page: JobPage) -> ChecklistPage:
        return checklist_page(page)
