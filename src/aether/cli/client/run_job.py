"""Run a job for a command: submit or find it, show its progress, deliver its result."""

import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import uvloop

from aether.cli.client.job_kind import JobKind
from aether.cli.client.job_session import JobSession
from aether.cli.client.server_connection import ServerConnection, connect
from aether.cli.local.signals import StoppedError, StopSignal, stop_on_signals
from aether.cli.options import client_settings
from aether.cli.output.delivery import ResultDelivery
from aether.cli.output.export_delivery import save
from aether.cli.output.job_state import StateT
from aether.cli.output.markdown import one_line
from aether.cli.output.progress import ProgressDisplay, progress_display
from aether.errors import UnknownJobError
from aether.settings import Settings

INTERRUPTED = 128 + signal.SIGINT


def run_job(
    kind: JobKind[StateT],
    delivery: ResultDelivery[StateT],
    fields: dict[str, Any],  # Any: the values of a JSON object
    url: str | None,
    data_dir: Path | None,
) -> int:
    """Submit a job, wait for it, deliver its result and return the exit status.

    `fields` are those of the request; options that were not used (None or an empty tuple) are left out. `url` and
    `data_dir` are the values of `server_options`.

    Raises:
        AetherError: the job did not succeed; the message says why.
    """
    request = {name: value for name, value in fields.items() if value not in (None, ())}
    return uvloop.run(_run_job(kind, delivery, request, url, client_settings(data_dir=data_dir)))


def watch_job(
    job_id: str,
    kinds: Iterable[JobKind[Any]],  # Any: kinds differ in the state of their jobs
    output: Path | None,
    url: str | None,
    data_dir: Path | None,
) -> int:
    """Wait for a job of one of these kinds, deliver its result and return the exit status.

    Raises:
        AetherError: there is no such job, or it did not succeed; the message says why.
    """
    return uvloop.run(_watch_job(job_id, kinds, output, url, client_settings(data_dir=data_dir)))


class ExportRequest(NamedTuple):
    """A document that is wanted: of which job, where below its path, and for which file, or stdout."""

    job_id: str
    below: str
    output: Path | None


def export_job(
    wanted: ExportRequest,
    kinds: Iterable[JobKind[Any]],  # Any: as above
    url: str | None,
    data_dir: Path | None,
) -> int:
    """Get the document of a job of one of these kinds, and return the exit status.

    Raises:
        AetherError: there is no such job, it has not completed, or the server cannot make such documents.
    """
    return uvloop.run(_export_job(wanted, kinds, url, client_settings(data_dir=data_dir)))


class _Context(NamedTuple):
    connection: ServerConnection
    display: ProgressDisplay
    stop: StopSignal

    def session(self, kind: JobKind[StateT]) -> JobSession[StateT]:
        return JobSession(kind, self.connection, self.display, self.stop)


async def _run_job(
    kind: JobKind[StateT],
    delivery: ResultDelivery[StateT],
    request: dict[str, Any],  # Any: the values of a JSON object
    url: str | None,
    settings: Settings,
) -> int:
    async with _context(url, settings) as context:
        session = context.session(kind)
        try:
            with context.display:
                # Before the report is written, which may take long and cost money.
                await session.check_export(delivery.export_format)
                job = await session.run(request)
        except StoppedError:
            click.echo(f"Stopped before the {kind.name} was asked for.", err=True)
            return INTERRUPTED
        return await _deliver(kind, delivery, job, session, context.stop)
    return INTERRUPTED


async def _watch_job(
    job_id: str,
    kinds: Iterable[JobKind[Any]],  # Any: as above
    output: Path | None,
    url: str | None,
    settings: Settings,
) -> int:
    async with _context(url, settings) as context:
        try:
            with context.display:
                kind, session = await _find(job_id, kinds, context)
                delivery = kind.delivery(output)
                await session.check_export(delivery.export_format)
                job = await session.watch()
        except StoppedError:
            click.echo(f"Stopped watching; job {job_id} was not cancelled.", err=True)
            return INTERRUPTED
        return await _deliver(kind, delivery, job, session, context.stop)
    return INTERRUPTED


async def _export_job(
    wanted: ExportRequest,
    kinds: Iterable[JobKind[Any]],  # Any: as above
    url: str | None,
    settings: Settings,
) -> int:
    async with _context(url, settings) as context:
        try:
            with context.display:
                _, session = await _find(wanted.job_id, kinds, context)
                document = await session.file(session.url + wanted.below)
        except StoppedError:
            return INTERRUPTED
        return save(document.content, wanted.output, "Name another file.")
    return INTERRUPTED


@asynccontextmanager
async def _context(url: str | None, settings: Settings) -> AsyncIterator[_Context]:
    async with stop_on_signals() as stop:
        display = progress_display(sys.stderr)
        async with connect(url, settings, display.message) as connection:
            yield _Context(connection, display, stop)


async def _find(
    job_id: str, kinds: Iterable[JobKind[Any]], context: _Context
) -> tuple[JobKind[Any], JobSession[Any]]:  # Any: as above
    """Find the job by a GET in the collection of each kind."""
    for kind in kinds:
        session = context.session(kind)
        if await session.find(job_id):
            return kind, session
    raise UnknownJobError(job_id)


async def _deliver(
    kind: JobKind[StateT],
    delivery: ResultDelivery[StateT],
    job: StateT,
    session: JobSession[StateT],
    stop: StopSignal,
) -> int:
    if job.outcome == "succeeded":
        try:
            return await delivery.deliver(job, session.url, session.file)
        except StoppedError:
            click.echo(f"Stopped; what was made is kept: GET {session.url}", err=True)
            return INTERRUPTED
    click.echo(_failure_message(kind, job), err=True)
    delivery.save_partial(job, session.url)
    return INTERRUPTED if job.outcome == "cancelled" and stop.requested.is_set() else 1


def _failure_message(kind: JobKind[StateT], job: StateT) -> str:
    if job.outcome == "cancelled":
        return f"cancelled; {job.completed_work}"
    return f"The {kind.name} failed: {one_line(job.error or 'no reason was given')} ({job.completed_work})"
