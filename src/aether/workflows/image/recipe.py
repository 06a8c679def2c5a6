"""Image recipe: make all images of a request at the same time, and store each one."""

import msgspec

from aether.domain.image import GenerationRequest, Image
from aether.domain.job import Job
from aether.durable.ports import FileStore
from aether.durable.run import Run
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Illustrator
from aether.workflows.step_results import result_of


async def generate_images(
    run: Run, request: GenerationRequest, illustrator: Illustrator, files: FileStore
) -> list[Image]:
    """Make all images at the same time, each in a step of its own, so that a finished one is not paid for again."""

    async def make(position: int) -> Image:
        content = await illustrator.image(request, position)
        image = Image.of(content)
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
    request = msgspec.json.decode(job.input, type=GenerationRequest)
    return tuple(result_of(job, name, Image) for name in first_steps(request))
