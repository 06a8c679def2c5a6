"""`aether report`: ask a server for a report, show how it is made, hand it over."""

import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from aether.cli.atomic import write_atomically
from aether.cli.making import Making
from aether.cli.markdown import one_line, to_markdown
from aether.cli.place import LocalPlace, Place, RemotePlace
from aether.cli.progress import presentation
from aether.cli.stopping import Stop, StoppedError, stop_on_signals
from aether.cli.wire import Job, Report
from aether.settings import Settings

INTERRUPTED = 128 + signal.SIGINT


async def report(request: dict[str, Any], url: str | None, settings: Settings, output: Path | None) -> int:
    """Make the report on the server at `url`, or on one of this machine, and return the exit status.

    Raises:
        AetherError: it was not made; the text says why.
    """
    async with stop_on_signals() as stop:
        show = presentation(sys.stderr)
        async with _place(url, settings, show.say) as place:
            making = Making(place, show, stop)
            try:
                with show:
                    job = await making.make(request)
            except StoppedError:
                click.echo("Stopped before the report was asked for.", err=True)
                return INTERRUPTED
            return _handed_over(job, making.url, output, stop)
    return INTERRUPTED


@asynccontextmanager
async def _place(url: str | None, settings: Settings, say: Callable[[str], None]) -> AsyncIterator[Place]:
    if url is not None:
        yield RemotePlace(url)
        return
    async with LocalPlace(settings, say) as place:
        yield place


def _handed_over(job: Job, url: str, output: Path | None, stop: Stop) -> int:
    if job.report is not None:
        return _deliver(job.report, output)
    click.echo(_ending(job), err=True)
    if job.written.sections:
        _rescue(job, url, output)
    return INTERRUPTED if job.status == "cancelled" and stop.asked.is_set() else 1


def _deliver(report: Report, output: Path | None) -> int:
    document = to_markdown(report)
    if output is not None:
        try:
            write_atomically(output, document)
        except OSError as error:
            click.echo(f"Error: {output} could not be written ({error.strerror}); here is the report.", err=True)
            _print(document)
            return 1
        click.echo(output)
        return 0
    _print(document)
    return 0


def _print(document: str) -> None:
    # UTF-8 whatever the locale: it is a document, not a message.
    sys.stdout.buffer.write(document.encode())


def _ending(job: Job) -> str:
    done, planned = len(job.written.sections), len(job.written.outline)
    finished = f"{done} of {planned} sections were finished" if planned else "the outline was not written yet"
    if job.status == "cancelled":
        return f"cancelled; {finished}"
    return f"The report failed: {one_line(job.error or 'no reason was given')} ({finished})"


def _rescue(job: Job, url: str, output: Path | None) -> None:
    """Keep what is written: next to where the report would be, or say where it is."""
    if output is None:
        until = f" until {job.expires_at:%Y-%m-%d %H:%M} UTC" if job.expires_at else ""
        click.echo(f"They are kept{until}: GET {url}/reports/{job.job_id}, or POST …/retry to go on.", err=True)
        return
    partial = output.with_name(f"{output.stem}.partial{output.suffix}")
    try:
        write_atomically(partial, to_markdown(job.written))
    except OSError as error:
        click.echo(f"They could not be written to {partial} ({error.strerror}).", err=True)
    else:
        click.echo(f"They are in {partial}", err=True)
