"""What the user orders: asked of a server, shown as it is made, handed over."""

import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Generic, NamedTuple

import click

from aether.cli.client.credentials import given_credential
from aether.cli.client.job_session import JobSession
from aether.cli.client.server_connection import LocalServer, RemoteServer, ServerConnection
from aether.cli.kinds.base import JobKind, StateT
from aether.cli.local.signals import StoppedError, StopSignal, stop_on_signals
from aether.cli.output.delivery import ResultDelivery
from aether.cli.output.markdown import one_line
from aether.cli.output.progress import Presentation, presentation
from aether.errors import UnknownJobError
from aether.settings import Settings

INTERRUPTED = 128 + signal.SIGINT


class JobOrder(NamedTuple, Generic[StateT]):
    """What is to be made, and how it is handed over."""

    kind: JobKind[StateT]
    hand_over: ResultDelivery[StateT]


class Session(NamedTuple):
    """Who does the work, who watches, and what the signals have said."""

    place: ServerConnection
    show: Presentation
    stop: StopSignal

    def making(self, kind: JobKind[StateT]) -> JobSession[StateT]:
        """Return a job of this kind, of which nothing is known yet."""
        return JobSession(kind, self.place, self.show, self.stop)


async def fulfil(
    order: JobOrder[StateT],
    request: dict[str, Any],  # Any: the values of a JSON object
    url: str | None,
    settings: Settings,
) -> int:
    """Have the job done by the server at `url`, or by one of this machine, and return the exit status.

    Raises:
        AetherError: it was not done; the text says why.
    """
    async with _session(url, settings) as session:
        making = session.making(order.kind)
        try:
            with session.show:
                job = await making.make(request)
        except StoppedError:
            click.echo(f"Stopped before the {order.kind.name} was asked for.", err=True)
            return INTERRUPTED
        return await _handed_over(order, job, making, session.stop)
    return INTERRUPTED


async def watch(
    job_id: str,
    orders: Iterable[JobOrder[Any]],  # Any: each is of another kind
    url: str | None,
    settings: Settings,
) -> int:
    """Wait for a job that was ordered before, the way of its kind, and return the exit status.

    Raises:
        AetherError: there is no such job, or it was not done; the text says why.
    """
    async with _session(url, settings) as session:
        try:
            with session.show:
                order, making = await _found(job_id, orders, session)
                job = await making.watch()
        except StoppedError:
            click.echo(f"Stopped watching; job {job_id} was not cancelled.", err=True)
            return INTERRUPTED
        return await _handed_over(order, job, making, session.stop)
    return INTERRUPTED


@asynccontextmanager
async def _session(url: str | None, settings: Settings) -> AsyncIterator[Session]:
    async with stop_on_signals() as stop:
        show = presentation(sys.stderr)
        async with _place(url, settings, show.say) as place:
            yield Session(place, show, stop)


@asynccontextmanager
async def _place(url: str | None, settings: Settings, say: Callable[[str], None]) -> AsyncIterator[ServerConnection]:
    if url is not None:
        yield RemoteServer(url, given_credential(settings))
        return
    async with LocalServer(settings, say) as place:
        yield place


async def _found(
    job_id: str, orders: Iterable[JobOrder[Any]], session: Session
) -> tuple[JobOrder[Any], JobSession[Any]]:  # Any: as above
    for order in orders:
        making = session.making(order.kind)
        if await making.find(job_id):
            return order, making
    raise UnknownJobError(job_id)


async def _handed_over(order: JobOrder[StateT], job: StateT, making: JobSession[StateT], stop: StopSignal) -> int:
    if job.outcome == "succeeded":
        try:
            return await order.hand_over.deliver(job, making.url, making.file)
        except StoppedError:
            click.echo(f"Stopped; what was made is kept: GET {making.url}", err=True)
            return INTERRUPTED
    click.echo(_ending(order.kind, job), err=True)
    order.hand_over.rescue(job, making.url)
    return INTERRUPTED if job.outcome == "cancelled" and stop.asked.is_set() else 1


def _ending(kind: JobKind[StateT], job: StateT) -> str:
    if job.outcome == "cancelled":
        return f"cancelled; {job.standing}"
    return f"The {kind.name} failed: {one_line(job.error or 'no reason was given')} ({job.standing})"
