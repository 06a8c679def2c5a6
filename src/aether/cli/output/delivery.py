"""What a job has made goes to the user: a document to stdout or a file, images to files."""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

import click

from aether.cli.client.api_client import File, StrangeAnswerError
from aether.cli.kinds.base import StateT
from aether.cli.kinds.image import ImageState, image_path
from aether.cli.output.atomic_write import write_atomically

Fetch: TypeAlias = Callable[[str], Awaitable[File]]
JobT_contra = TypeVar("JobT_contra", contravariant=True)


class ResultDelivery(Protocol[JobT_contra]):
    """Puts what a job has made where the user wants it; `url` is the job's."""

    async def deliver(self, job: JobT_contra, url: str, fetch: Fetch) -> int:
        """Hand over what a job that succeeded has made, fetching what its state only names; return the exit status.

        Raises:
            StoppedError: the user wants it no more.
            AetherError: it could not be fetched.
        """
        ...

    def rescue(self, job: JobT_contra, url: str) -> None:
        """Keep what is finished of a job that ended otherwise, or say where it is."""
        ...


class DocumentDelivery(Generic[StateT]):
    """Goes to `output` or, without one, to stdout; `write` gives as much of it as there is, "" for nothing."""

    def __init__(self, name: str, write: Callable[[StateT], str], output: Path | None) -> None:
        self._name = name
        self._write = write
        self._output = output

    async def deliver(self, job: StateT, url: str, fetch: Fetch) -> int:  # noqa: ARG002 - all is in the state
        """Write or print it; what cannot be written is printed, so that it is not lost."""
        document = self._write(job)
        if self._output is None:
            _print(document)
            return 0
        try:
            write_atomically(self._output, document.encode())
        except OSError as error:
            click.echo(
                f"Error: {self._output} could not be written ({error.strerror}); here is the {self._name}.", err=True
            )
            _print(document)
            return 1
        click.echo(self._output)
        return 0

    def rescue(self, job: StateT, url: str) -> None:
        """Put what is finished next to where the whole would be, or say where it is."""
        if not (document := self._write(job)):
            return
        if self._output is None:
            click.echo(
                f"What is finished is kept{_until(job.expires_at)}: GET {url}, or POST …/retry to go on.", err=True
            )
            return
        partial = self._output.with_name(f"{self._output.stem}.partial{self._output.suffix}")
        try:
            write_atomically(partial, document.encode())
        except OSError as error:
            click.echo(f"What is finished could not be written to {partial} ({error.strerror}).", err=True)
        else:
            click.echo(f"What is finished is in {partial}", err=True)


class ImageFiles:
    """Go to `output`, numbered if there are several."""

    def __init__(self, output: Path) -> None:
        self._output = output

    async def deliver(self, job: ImageState, url: str, fetch: Fetch) -> int:
        """Fetch all, then write each and print its path."""
        images = [await _image(fetch, image) for image in job.images]
        for at, image in enumerate(images, start=1):
            path = image_path(self._output, at, len(images), image.media_type)
            try:
                write_atomically(path, image.content)
            except OSError as error:
                kept = f"the images are kept{_until(job.expires_at)}: GET {url}"
                click.echo(f"Error: {path} could not be written ({error.strerror}); {kept}", err=True)
                return 1
            click.echo(path)
        return 0

    def rescue(self, job: ImageState, url: str) -> None:
        """There are all images or none."""


class ImageUrls:
    """Go to stdout, for images that are left where they are."""

    async def deliver(self, job: ImageState, url: str, fetch: Fetch) -> int:  # noqa: ARG002 - nothing is fetched
        """Print where each is."""
        for image in job.images:
            click.echo(image)
        return 0

    def rescue(self, job: ImageState, url: str) -> None:
        """There are all images or none."""


async def _image(fetch: Fetch, url: str) -> File:
    image = await fetch(url)
    if not image.media_type.startswith("image/"):
        raise StrangeAnswerError(url)
    return image


def _print(document: str) -> None:
    # UTF-8 whatever the locale: it is a document, not a message.
    sys.stdout.buffer.write(document.encode())


def _until(expires_at: datetime | None) -> str:
    return f" until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else ""
