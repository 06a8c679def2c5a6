"""Image controller: `/api/generation`, from a prompt to images; in camelCase."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_202_ACCEPTED
from typing_extensions import override

from aether.api.guards.authentication import caller_of
from aether.api.http.accept import check_media_type
from aether.api.http.byte_ranges import UnsatisfiableRangeError
from aether.api.http.file_response import (
    BINARY,
    FILE_HEADERS,
    FILE_RESPONSES,
    FileConditions,
    file_conditions,
    not_modified,
    partial_content,
)
from aether.api.http.idempotency_key import IdempotencyKey
from aether.api.http.prefer import PREFERENCE_APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import get, post
from aether.api.jobs.controller import JobController
from aether.api.jobs.fields import WaitingFields, waiting_for
from aether.api.jobs.job_headers import LOCATION, RETRY_AFTER
from aether.api.jobs.job_limits import RetryBody
from aether.api.jobs.read_tokens import JobToken, TokenBody
from aether.api.jobs.submission import admission_of, serialize_request
from aether.api.kinds.image.errors import NoImageModelError, UnknownImageError
from aether.api.kinds.image.events import IMAGE_EVENTS
from aether.api.kinds.image.examples import IMAGE_EXAMPLES
from aether.api.kinds.image.resource import GENERATIONS
from aether.api.kinds.image.schemas import (
    GenerationAccepted,
    GenerationJob,
    GenerationPage,
    GenerationStatus,
    generation_job,
    generation_page,
)
from aether.api.openapi.operations import CREATE_ERRORS, ended_job, id_parameter, problems
from aether.api.state import services_of
from aether.domain.estimate import Estimate
from aether.domain.image import GenerationRequest, Image
from aether.domain.job import Job
from aether.domain.listing import JobPage
from aether.domain.text_field import trim
from aether.errors import UnknownJobError
from aether.services.jobs import Jobs
from aether.workflows.image.recipe import first_steps, images_so_far


class GenerationBody(GenerationRequest, frozen=True, forbid_unknown_fields=True):
    """What the images show, how many there are, and their size."""

    def __post_init__(self) -> None:
        trim(self)


GenerationId = Annotated[str, id_parameter(GENERATIONS.id_name)]
# A string, so that text that is not a number is an unknown image, not an invalid field.
Position = Annotated[
    str,
    PathParameter(
        description="The image's position, from 0.", schema_extra={"type": "integer", "minimum": 0, "examples": [0]}
    ),
]


class Generations(
    JobController[GenerationId, GenerationStatus, RetryBody, TokenBody, GenerationJob, GenerationPage, JobToken]
):
    """Generations and their images, in camelCase."""

    resource = GENERATIONS
    progress_note = "PENDING until all images are finished or one cannot be made; `attempts` contains failed attempts."
    vocabulary = IMAGE_EVENTS
    examples = IMAGE_EXAMPLES

    @post(
        status_code=HTTP_202_ACCEPTED,
        summary="Ask for images",
        response_description="Accepted; the images are being made.",
        response_headers=[LOCATION, RETRY_AFTER, PREFERENCE_APPLIED],
        responses=problems(*CREATE_ERRORS, NoImageModelError) | ended_job(GenerationJob),
    )
    async def create_generation(
        self,
        data: JSONBody[GenerationBody],
        request: AnyRequest,
        image_model: NamedDependency[str | None],
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = "",
    ) -> Response[GenerationAccepted]:
        """The job is queued once this answers. Follow `Location` until the status is COMPLETE or FAILED."""
        if image_model is None:
            raise NoImageModelError
        admission, content = admission_of(request, idempotency_key), serialize_request(data, GenerationRequest)
        job_id = await services_of(request).jobs.submit(self.resource.kind, admission, content, first_steps(data))
        return await self.respond_created(request, job_id, prefer, GenerationAccepted(job_id))

    @get(
        "/{jobId:str}/images/{position:str}",
        summary="Get an image",
        media_type=BINARY,
        response_description="The image.",
        response_headers=FILE_HEADERS,
        responses=problems(UnknownJobError, UnknownImageError, UnsatisfiableRangeError) | FILE_RESPONSES,
        dependencies={"file_conditions": Provide(file_conditions, sync_to_thread=False)},
    )
    async def get_generation_image(
        self,
        job_id: GenerationId,
        position: Position,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        file_conditions: NamedDependency[FileConditions],
    ) -> Response[bytes]:
        """A finished image never changes. Cache it for as long as `Cache-Control` says."""
        owner = caller_of(request).owner
        job = await jobs.get(self.resource.kind, owner, job_id)
        image = _image(job, position)
        check_media_type(request.headers.get("Accept", ""), (image.media_type, BINARY))
        headers = _image_headers(job, image, position)
        if file_conditions.is_cached(image.digest):
            return not_modified(headers)
        byte_range = file_conditions.range_of(image.digest, image.size)
        start, stop = (byte_range.start, byte_range.stop) if byte_range else (0, None)
        content = await jobs.file(self.resource.kind, owner, job_id, image.digest, start, stop)
        if content is None:
            raise UnknownImageError
        if byte_range:
            return partial_content(content, byte_range, image.size, image.media_type, headers)
        return Response(content, media_type=image.media_type, headers=headers)

    @override
    def show_job(self, job: Job, estimate: Estimate, url: str) -> GenerationJob:
        return generation_job(job, url, estimate)

    @override
    def show_estimate(self, estimate: Estimate) -> WaitingFields:
        return WaitingFields(waiting_for(estimate))

    @override
    def show_page(self, page: JobPage) -> GenerationPage:
        return generation_page(page)


def _image(job: Job, position: str) -> Image:
    finished = {str(at): image for at, image in enumerate(images_so_far(job)) if image is not None}
    if position not in finished:
        raise UnknownImageError
    return finished[position]


def _image_headers(job: Job, image: Image, position: str) -> dict[str, str]:
    seconds = max(int((job.expires_at - datetime.now(UTC)).total_seconds()), 0)
    suffix = image.media_type.removeprefix("image/")
    return {
        "ETag": f'"{image.digest}"',
        "Cache-Control": f"private, max-age={seconds}, immutable",
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'inline; filename="{job.id}-{position}.{suffix}"',
    }
