"""Image: the `aether image` command, and the files of the images."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import click
import msgspec

from aether.cli.client.errors import UnexpectedResponseError
from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.options import output_option, server_options
from aether.cli.output.atomic_write import write_atomically
from aether.cli.output.delivery import Fetch, File, ResultDelivery, expiry
from aether.cli.output.job_state import Outcome, Outcomes, describe_activity, outcome_by_error
from aether.cli.output.progress_events import AttemptFailure, ProgressEvent, StepFinished, counted, retry_delay
from aether.domain.image import MAX_IMAGES

_OUTCOMES: Outcomes = {"PENDING": None, "COMPLETE": "succeeded", "FAILED": "failed"}

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
}


class ImageAttempt(msgspec.Struct, frozen=True, rename="camel"):
    """An attempt that failed; `wait_seconds` and `next_retry_at` are None if there is no other."""

    number: int
    at: datetime
    error: str
    wait_seconds: float | None = None
    next_retry_at: datetime | None = None
    step: str | None = None


class ImageState(msgspec.Struct, frozen=True, rename="camel"):
    """An image generation at one of its versions; `images` are URLs, empty until all images are made."""

    status: str
    images: tuple[str, ...] = ()
    attempts: tuple[ImageAttempt, ...] = ()
    error: str | None = None
    expires_at: datetime | None = None
    waiting_for: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended, if it did."""
        return outcome_by_error(_OUTCOMES, self.status, self.error)

    @property
    def progress(self) -> None:
        """Unknown."""

    @property
    def activity(self) -> str:
        """What the job is doing."""
        work = "waiting for the image server" + (f"; {self.completed_work}" if self.attempts else "")
        return describe_activity(_OUTCOMES, self.status, self.waiting_for, work)

    @property
    def completed_work(self) -> str:
        """How many attempts failed: there are all images or none."""
        return f"{counted(len(self.attempts), 'attempt')} failed" if self.attempts else "no attempt failed"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return the failed attempts, then the images."""
        known = previous.attempts if previous else ()
        yield from (_failure(attempt) for attempt in self.attempts if attempt not in known)
        if self.images and not (previous and previous.images):
            yield StepFinished("made", counted(len(self.images), "image"))


class ImageFiles:
    """Delivers the images to `output`, numbered if there are several."""

    export_format = None

    def __init__(self, output: Path) -> None:
        self._output = output

    async def deliver(self, job: ImageState, url: str, fetch: Fetch) -> int:
        """Download all images, then write each and print its path."""
        images = [await _fetch_image(fetch, image) for image in job.images]
        for number, image in enumerate(images, start=1):
            path = image_path(self._output, number, len(images), image.media_type)
            try:
                write_atomically(path, image.content)
            except OSError as error:
                kept = f"the images are kept{expiry(job.expires_at)}: GET {url}"
                click.echo(f"Error: {path} could not be written ({error.strerror}); {kept}", err=True)
                return 1
            click.echo(path)
        return 0

    def save_partial(self, job: ImageState, url: str) -> None:
        """Do nothing: there are all images or none."""


class ImageUrls:
    """Delivers the URLs of the images to stdout; the images stay on the server."""

    export_format = None

    async def deliver(self, job: ImageState, url: str, fetch: Fetch) -> int:  # noqa: ARG002 - nothing is downloaded
        """Print the URL of each image."""
        for image in job.images:
            click.echo(image)
        return 0

    def save_partial(self, job: ImageState, url: str) -> None:
        """Do nothing: there are all images or none."""


def image_delivery(output: Path | None) -> ResultDelivery[ImageState]:
    """Return what delivers the images to files or, without an output, their URLs to stdout."""
    return ImageFiles(output) if output else ImageUrls()


def image_path(output: Path, number: int, count: int, media_type: str) -> Path:
    """Return the path of one image of `count`; its number, from 1, is part of the name unless it is the only one."""
    suffix = f"-{number}" if count > 1 else ""
    return output.with_name(f"{output.stem}{suffix}{output.suffix or _SUFFIXES.get(media_type, '')}")


async def _fetch_image(fetch: Fetch, url: str) -> File:
    image = await fetch(url)
    if not image.media_type.startswith("image/"):
        raise UnexpectedResponseError(url)
    return image


def _failure(failed: ImageAttempt) -> AttemptFailure:
    name, _, position = (failed.step or "image").partition(":")
    delay = failed.wait_seconds
    if delay is None:
        delay = retry_delay(failed.at, failed.next_retry_at)
    label = f"{name} {int(position) + 1}" if position.isdecimal() else name
    return AttemptFailure(label, failed.number, failed.error, delay)


@click.command()
@click.argument("prompt")
@output_option("FILE", "Write to this file; several images go to FILE-1, FILE-2 and so on.", required=True)
@click.option("--count", type=click.IntRange(1, MAX_IMAGES), help="How many images to make. [default 1]")
@click.option("--size", metavar="WIDTHxHEIGHT", help="How large, as far as the image model can. [default: its own]")
@server_options
def image(output: Path, url: str | None, data_dir: Path | None, **fields: Any) -> None:  # Any: JSON values
    """Make images of what PROMPT says.

    A FILE without an extension gets that of the image. Existing files are replaced, by whole ones only. Every try that
    fails is shown, with the wait for the next one. Who makes the images, what Ctrl-C does, and the exit status are as
    for `aether report`; the server has to know an image model, see AETHER_IMAGE_MODEL.
    """
    sys.exit(run_job(IMAGE, ImageFiles(output), fields, url, data_dir))


IMAGE = JobKind(
    name="image generation",
    path="/api/generation",
    id_field="generationId",
    state=ImageState,
    command=image,
    delivery=image_delivery,
    model_setting="AETHER_IMAGE_MODEL",
)
