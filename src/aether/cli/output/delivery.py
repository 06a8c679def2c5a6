"""Delivery: how the result of a job gets to the user."""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import click

from aether.cli.output.atomic_write import write_atomically
from aether.cli.output.job_state import StateT
from aether.cli.output.markdown import without_controls


class File(NamedTuple):
    """A file that a job has made."""

    content: bytes
    media_type: str


Fetch: TypeAlias = Callable[[str], Awaitable[File]]
"""Downloads the file at a URL."""

StateT_contra = TypeVar("StateT_contra", contravariant=True)


class ResultDelivery(Protocol[StateT_contra]):
    """Delivers what a job has made; `url` is the URL of the job."""

    @property
    def export_format(self) -> str | None:
        """The format of a document that the server has to know, if it makes one."""
        ...

    async def deliver(self, job: StateT_contra, url: str, fetch: Fetch) -> int:
        """Deliver the result of a job that succeeded, with the files that its state names; return the exit status.

        Raises:
            StoppedError: the user interrupted it.
            AetherError: a file could not be fetched.
        """
        ...

    def save_partial(self, job: StateT_contra, url: str) -> None:
        """Save what is finished of a job that failed or was cancelled, or say where it is."""
        ...


class DocumentDelivery(Generic[StateT]):
    """Delivers a text, to the file `output` or to stdout.

    `render` returns as much of the text as is finished, "" for nothing. Control characters are removed from it, since a
    terminal would obey them.
    """

    export_format = None

    def __init__(self, name: str, render: Callable[[StateT], str], output: Path | None) -> None:
        self._name = name
        self._render = render
        self._output = output

    async def deliver(self, job: StateT, url: str, fetch: Fetch) -> int:  # noqa: ARG002 - the state holds the text
        """Write the text to its file, or print it; also print it if the file cannot be written, so it is not lost."""
        document = without_controls(self._render(job))
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

    def save_partial(self, job: StateT, url: str) -> None:
        """Write what is finished to a file beside the output, or say where it is."""
        if not (document := without_controls(self._render(job))):
            return
        if self._output is None:
            click.echo(
                f"What is finished is kept{expiry(job.expires_at)}: GET {url}, or POST …/retry to go on.", err=True
            )
            return
        partial = self._output.with_name(f"{self._output.stem}.partial{self._output.suffix}")
        try:
            write_atomically(partial, document.encode())
        except OSError as error:
            click.echo(f"What is finished could not be written to {partial} ({error.strerror}).", err=True)
        else:
            click.echo(f"What is finished is in {partial}", err=True)


def expiry(expires_at: datetime | None) -> str:
    """Return the words to append to "is kept": until when, if that is known."""
    return f" until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else ""


def _print(document: str) -> None:
    # UTF-8 whatever the locale: it is a document, not a message.
    sys.stdout.buffer.write(document.encode())
