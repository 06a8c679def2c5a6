"""Translation controller: `/translations`, from a text to its translation; in camelCase."""

from typing import Annotated

from litestar import Response
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED
from typing_extensions import override

from aether.api.http.idempotency_key import IdempotencyKey
from aether.api.http.prefer import PREFERENCE_APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import post
from aether.api.jobs.controller import JobController
from aether.api.jobs.job_headers import LOCATION, RETRY_AFTER
from aether.api.jobs.job_limits import RetryBody
from aether.api.jobs.read_tokens import JobToken, TokenBody
from aether.api.jobs.submission import admission_of, serialize_request
from aether.api.openapi.operations import CREATE_ERRORS, ended_job, id_parameter, problems
from aether.api.state import services_of
from aether.domain.estimate import Estimate
from aether.domain.job import Job
from aether.domain.listing import JobPage
from aether.domain.text_field import trim
from tests.example_kind.recipe import first_steps
from tests.example_kind.resource import TRANSLATIONS
from tests.example_kind.schemas import (
    TRANSLATION_EVENTS,
    TRANSLATION_EXAMPLES,
    TranslationAccepted,
    TranslationJob,
    TranslationPage,
    TranslationStatus,
    translation_job,
    translation_page,
)
from tests.example_kind.translation import TranslationRequest

TranslationId = Annotated[str, id_parameter(TRANSLATIONS.id_name)]


class TranslationBody(TranslationRequest, frozen=True, forbid_unknown_fields=True):
    """The text, and the language to translate it into."""

    def __post_init__(self) -> None:
        trim(self)


class Translations(
    JobController[TranslationId, TranslationStatus, RetryBody, TokenBody, TranslationJob, TranslationPage, JobToken]
):
    """Translations, in camelCase."""

    resource = TRANSLATIONS
    progress_note = "`paragraphs` contains the finished paragraphs."
    vocabulary = TRANSLATION_EVENTS
    examples = TRANSLATION_EXAMPLES

    @post(
        status_code=HTTP_202_ACCEPTED,
        summary="Ask for a translation",
        response_description="Accepted; the text is being translated.",
        response_headers=[LOCATION, RETRY_AFTER, PREFERENCE_APPLIED],
        responses=problems(*CREATE_ERRORS) | ended_job(TranslationJob),
    )
    async def create_translation(
        self,
        data: JSONBody[TranslationBody],
        request: AnyRequest,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = "",
    ) -> Response[TranslationAccepted]:
        """The job is queued once this answers. Follow `Location` until the status is completed, failed or cancelled."""
        admission, content = admission_of(request, idempotency_key), serialize_request(data, TranslationRequest)
        job_id = await services_of(request).jobs.submit(self.resource.kind, admission, content, first_steps(data))
        return await self.respond_created(request, job_id, prefer, TranslationAccepted(job_id))

    @override
    def show_job(self, job: Job, estimate: Estimate, url: str) -> TranslationJob:
        return translation_job(job)

    @override
    def show_page(self, page: JobPage) -> TranslationPage:
        return translation_page(page)
