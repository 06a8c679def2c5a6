"""Export delivery: gets a document from the server in the format that was chosen, and hands it over."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol

import click

from aether.cli.output.atomic_write import write_atomically
from aether.cli.output.delivery import Fetch, expiry
from aether.cli.output.job_state import StateT
from aether.documents.formats import FORMATS, Format, FormatName, format_of_file

_DEFAULT: FormatName = "md"


class Terminal(Protocol):
    """Whether the standard output is shown to a person."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        ...


def chosen_format(output: Path | None, format_name: str | None, stdout: Terminal | None = None) -> Format:
    """Return the format that is named, or that the ending of the file stands for; without either, Markdown.

    Raises:
        UsageError: they contradict each other, the ending is unknown, or a terminal cannot show the format.
    """
    named = FORMATS[format_name] if format_name else None
    by_ending = format_of_file(output.name) if output else None
    if named and by_ending and named != by_ending:
        raise click.UsageError(
            f"--format {named.name} does not fit {output}, which is the name of a {by_ending.title} file."
        )
    if output and output.suffix and not (named or by_ending):
        endings = ", ".join(each.endings[0] for each in FORMATS.values())
        advice = "Choose another one, or name the format with --format."
        raise click.UsageError(f"{output.suffix} is not the ending of a format ({endings}). {advice}")
    wanted = named or by_ending or FORMATS[_DEFAULT]
    if output is None and not wanted.is_text and (stdout or sys.stdout).isatty():
        raise click.UsageError(f"A terminal cannot show {wanted.title}: name a file with -o, or use a pipe.")
    return wanted


class ExportDelivery(Generic[StateT]):
    """Delivers a document that the server makes, to the file `output` or to stdout.

    `render` returns as much of the text as is finished, "" for nothing.
    """

    def __init__(self, wanted: Format, output: Path | None, render: Callable[[StateT], str]) -> None:
        self._format = wanted
        self._output = output
        self._render = render

    @property
    def export_format(self) -> str:
        """The format that the server has to know."""
        return self._format.name

    async def deliver(self, job: StateT, url: str, fetch: Fetch) -> int:
        """Download the document, then write it to its file, or to stdout."""
        document = await fetch(f"{url}/export/{self._format.name}")
        return save(document.content, self._output, f"It is kept{expiry(job.expires_at)}: {_command(url)}")

    def save_partial(self, job: StateT, url: str) -> None:
        """Say how to get what is finished."""
        if not self._render(job):
            return
        file = f" -o {self._output}" if self._output else f" --format {self._format.name}"
        click.echo(f"What is finished is kept{expiry(job.expires_at)}: {_command(url)} --partial{file}", err=True)


def save(content: bytes, output: Path | None, hint: str) -> int:
    """Write a document to its file, or to stdout; return the exit status, after an error with this hint."""
    if output is None:
        sys.stdout.buffer.write(content)
        return 0
    try:
        write_atomically(output, content)
    except OSError as error:
        click.echo(f"Error: {output} could not be written ({error.strerror}). {hint}", err=True)
        return 1
    click.echo(output)
    return 0


def _command(url: str) -> str:
    return f"aether export {url.rpartition('/')[2]}"
