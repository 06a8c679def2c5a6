"""Image recipe: make all images of a request at the same time, and store each one."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from aether.domain.image import GenerationRequest, Image
from aether.domain.job import Job
from aether.domain.stored_request import stored_request_decoder
from aether.durable.ports import FileStore
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.errors import ConfigurationError, UnusableOutputError
from aether.workflows.definition import ModelServer, Ports, Workflow
from aether.workflows.llm.ports import Illustrator
from aether.workflows.step_results import result_of

_stored_request = stored_request_decoder(GenerationRequest)


async def generate_images(
    run: Run, request: GenerationRequest, illustrator: Illustrator, files: FileStore
) -> list[Image]:
    """Make all images at the same time, each in a step of its own, so that a finished one is not paid for again."""

    async def make(position: int) -> Image:
        content = await illustrator.image(request, position)
        image = await asyncio.to_thread(Image.of, content)  # its digest takes a while
        if image is None:
            raise UnusableOutputError("it is no image")
        # The image is paid for: while the file store is away, wait instead of making it again.
        await run.retry_while_unavailable(lambda: files.put(run.job_id, image.digest, content))
        return image

    positions = range(request.count)
    return await run.fan_out("image", positions, make, Image, titles=[f"Image {at + 1}" for at in positions])


def first_steps(request: GenerationRequest) -> tuple[str, ...]:
    """Name the steps; all are known before the job starts."""
    return tuple(f"image:{position}" for position in range(request.count))


def images_so_far(job: Job) -> tuple[Image | None, ...]:
    """Read the images from the job's finished steps, in order; None is one that is not finished."""
    return tuple(result_of(job, name, Image) for name in first_steps(_stored_request.decode(job.input)))


def _from_ports(ports: Ports) -> Callable[[Run, GenerationRequest], Awaitable[object]]:
    if ports.illustrator is None:
        return _fail_without_model
    return partial(generate_images, illustrator=ports.illustrator, files=ports.files)


async def _fail_without_model(_run: Run, _request: GenerationRequest) -> None:
    raise ConfigurationError("The worker has no model for images; set AETHER_IMAGE_MODEL.")


def _increasing(policy: RetryPolicy) -> RetryPolicy:
    """Make each wait longer than the one before, because callers see them; a lower cap would end that."""
    return replace(policy, cap=policy.total, overload_uses_attempts=True, increasing=True)


WORKFLOW = Workflow(GenerationRequest, _from_ports, first_steps, ModelServer.IMAGES, _increasing)
