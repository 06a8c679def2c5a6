"""Image controller: `/api/generation`, a prompt in, images out; camelCase."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_202_ACCEPTED
from typing_extensions import override

from aether.api.http.byte_ranges import UnsatisfiableRangeError
from aether.api.http.file_response import (
    FILE_HEADERS,
    FILE_RESPONSES,
    FileConditions,
    file_conditions,
    partial,
    unchanged,
)
from aether.api.http.idempotency_key import IdempotencyKey, admission
from aether.api.http.job_headers import LOCATION, RETRY_AFTER
from aether.api.http.long_poll import APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.request import serialize_request
from aether.api.http.route_handler import get, post
from aether.api.jobs.controller import JobController
from aether.api.jobs.job_limits import RetryBody
from aether.api.jobs.read_tokens import JobToken, TokenBody
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
from aether.api.openapi.operations import BINARY, CREATE_ERRORS, ended_at_once, id_parameter, problems
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
    """What the images are to show, how many, and how large."""

    def __post_init__(self) -> None:
        trim(self)


GenerationId = Annotated[str, id_parameter(GENERATIONS.id_name)]
# Read as text: what is no number is no image, and not a broken rule.
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
    meanwhile = "The status is PENDING until all images are there or one cannot be made; `attempts` tells what failed."
    vocabulary = IMAGE_EVENTS
    examples = IMAGE_EXAMPLES

    @post(
        status_code=HTTP_202_ACCEPTED,
        summary="Ask for images",
        response_description="Accepted; the images are being made.",
        response_headers=[LOCATION, RETRY_AFTER, APPLIED],
        responses=problems(*CREATE_ERRORS, NoImageModelError) | ended_at_once(GenerationJob),
    )
    async def create_generation(
        self,
        data: JSONBody[GenerationBody],
        request: AnyRequest,
        image_model: NamedDependency[str | None],
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = "",
    ) -> Response[GenerationAccepted]:
        """The job is queued when this answers; follow `Location` until its status is COMPLETE or FAILED."""
        if image_model is None:
            raise NoImageModelError
        terms, asked = admission(request, idempotency_key), serialize_request(data, GenerationRequest)
        job_id = await services_of(request).jobs.submit(self.resource.kind, terms, asked, first_steps(data))
        return await self.accepted(request, job_id, prefer, GenerationAccepted(job_id))

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
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        file_conditions: NamedDependency[FileConditions],
    ) -> Response[bytes]:
        """An image that is finished never changes; keep it for as long as `Cache-Control` says."""
        job = await jobs.get(self.resource.kind, owner, job_id)
        image = _image(job, position)
        headers = _image_headers(job, image, position)
        if file_conditions.has(image.digest):
            return unchanged(headers)
        part = file_conditions.part_of(image.digest, image.size)
        start, stop = (part.start, part.stop) if part else (0, None)
        content = await jobs.file(self.resource.kind, owner, job_id, image.digest, start, stop)
        if content is None:
            raise UnknownImageError
        if part:
            return partial(content, part, image.size, image.media_type, headers)
        return Response(content, media_type=image.media_type, headers=headers)

    @override
    def view(self, job: Job, estimate: Estimate, url: str) -> GenerationJob:
        return generation_job(job, url)

    @override
    def page(self, page: JobPage) -> GenerationPage:
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
