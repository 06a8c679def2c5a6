"""Event stream: a job's events, from any version to its end, despite outages of the store and lost connections."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, TypeAlias

import structlog
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from litestar.status_codes import HTTP_204_NO_CONTENT

from aether.api.http import sse
from aether.api.http.last_event_id import LastEventId
from aether.api.http.sse import EventStream
from aether.api.jobs.event_presenter import EventPresenter
from aether.domain.events import Event, StatusChanged, StepFinished, UnknownEvent
from aether.domain.job import ENDED, Job
from aether.domain.snapshot import Snapshot
from aether.durable.change_hub import ChangeHub, Delta
from aether.errors import StoreUnavailableError, UnknownJobError
from aether.services.jobs import Jobs

log = structlog.get_logger()

_READ_LIMIT = 200  # events
_RECONNECT_DELAY_S = 0.5
_NO_VERSION = -1
"""A watch after it has a signal as soon as the store can be read: all versions differ, also that of an unknown job."""

After = Annotated[
    int,
    QueryParameter(
        ge=0, description="The same as `Last-Event-ID`, which takes precedence, for clients without headers."
    ),
]

LoadSnapshot: TypeAlias = Callable[[], Awaitable[Snapshot]]

_VERSION = re.compile(r"\d{1,18}", re.ASCII)


def parse_cursor(last_event_id: str, after: int) -> int:
    """Return the version after which the caller resumes; 0 if there is none.

    An id that is not a version counts as none, because a browser sends the last id of whatever it read before.
    """
    if not last_event_id:
        return after
    return int(last_event_id) if _VERSION.fullmatch(last_event_id) else 0


class EventSubscription:
    """A caller's subscription to a job's events after the version `cursor`; 0 means from the start.

    A browser that connects again does not stop because the store is unavailable: any status but 200 would end its
    `EventSource` for good. So the response starts at once, and its events follow when they can be read.
    """

    def __init__(self, jobs: Jobs, hub: ChangeHub, cursor: int, *, is_reconnect: bool = False) -> None:
        self._jobs = jobs
        self._hub = hub
        self._cursor = cursor
        self._is_reconnect = is_reconnect

    async def respond(self, job_id: str, load: LoadSnapshot, presenter: EventPresenter) -> Response[None]:
        """Return the response with the events of the job that `load` returns; 204 if the caller has all of them.

        Raises:
            UnknownJobError: the caller has no such job.
            StoreUnavailableError: the first event could not be read, and the caller connects for the first time.
        """
        try:
            snapshot = await load()
            if self._is_complete(snapshot.job):
                return Response(None, status_code=HTTP_204_NO_CONTENT)
            return EventStream(await self._stream(snapshot, presenter))
        except StoreUnavailableError as error:
            if not self._is_reconnect:
                raise
            log.warning("store.unavailable", reason=error.what)
            return EventStream(self._resume(job_id, load, presenter))

    def _is_complete(self, job: Job) -> bool:
        """Whether the job has ended and the caller has received all of its events."""
        return job.status in ENDED and job.version == self._cursor

    async def _stream(self, snapshot: Snapshot, presenter: EventPresenter) -> AsyncGenerator[bytes, None]:
        return await JobStream(self._jobs, self._hub, presenter, snapshot).start(self._cursor)

    async def _resume(self, job_id: str, load: LoadSnapshot, presenter: EventPresenter) -> AsyncGenerator[bytes, None]:
        """Yield comments until the job can be read, then its events; end earlier if the server stops."""
        yield sse.opening()
        snapshot: Snapshot | None = None
        while snapshot is None:
            with self._hub.watch(job_id, _NO_VERSION, sse.PING_INTERVAL_S) as watch:
                async for signal in watch:
                    if signal is not None:
                        break
                    yield sse.PING
                else:
                    return
            try:
                snapshot = await load()
            except StoreUnavailableError:
                await asyncio.sleep(_RECONNECT_DELAY_S)
            except UnknownJobError:
                return
        if not self._is_complete(snapshot.job):
            async with aclosing(await self._stream(snapshot, presenter)) as chunks:
                async for chunk in chunks:
                    yield chunk


def event_subscription(
    jobs: NamedDependency[Jobs],
    hub: NamedDependency[SkipValidation[ChangeHub]],
    last_event_id: LastEventId = "",
    after: After = 0,
) -> EventSubscription:
    """Return the subscription that the request describes."""
    return EventSubscription(jobs, hub, parse_cursor(last_event_id, after), is_reconnect=bool(last_event_id))


class JobStream:
    """The events of one job for one caller, as encoded chunks of one or more events."""

    def __init__(self, jobs: Jobs, hub: ChangeHub, presenter: EventPresenter, snapshot: Snapshot) -> None:
        self._jobs = jobs
        self._hub = hub
        self._presenter = presenter
        self._snapshot = snapshot
        self._sent = 0
        """The version up to which the caller has the events."""

    @property
    def _job(self) -> Job:
        return self._snapshot.job

    @property
    def _is_complete(self) -> bool:
        return self._sent == self._job.version and self._job.status in ENDED

    async def start(self, cursor: int) -> AsyncGenerator[bytes, None]:
        """Return the chunks after a version, until the job has ended or is deleted, or the hub closes.

        Raises:
            StoreUnavailableError: the first event could not be read.
        """
        if cursor > self._job.version:
            return self._chunks(await self._gap(cursor))
        self._sent = cursor or self._job.version
        return self._chunks(b"" if cursor else self._presenter.snapshot(self._snapshot))

    async def _chunks(self, first: bytes) -> AsyncGenerator[bytes, None]:
        yield sse.opening() + first
        while not self._is_complete:
            try:
                async with aclosing(self._watch()) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except StoreUnavailableError:
                # The next watch starts at the same version, as soon as the store is available.
                await asyncio.sleep(_RECONNECT_DELAY_S)
            except UnknownJobError:
                return
            else:
                return

    async def _watch(self) -> AsyncGenerator[bytes, None]:
        with self._hub.watch(self._job.id, self._sent, sse.PING_INTERVAL_S) as watch:
            async for signal in watch:
                async for chunk in self._handle(signal):
                    yield chunk
                if self._is_complete:
                    return

    async def _handle(self, signal: int | Delta | None) -> AsyncGenerator[bytes, None]:
        if signal is None:
            yield sse.PING
        elif isinstance(signal, Delta):
            if chunk := self._presenter.delta(signal, self._job):
                yield chunk
        elif signal < self._sent:
            # The store has lost changes that it had acknowledged, or the job itself.
            yield await self._gap(self._sent)
        else:
            async for chunk in self._read_until(signal):
                yield chunk

    async def _read_until(self, version: int) -> AsyncGenerator[bytes, None]:
        before = -1  # after a gap, the sent version may be lower
        while before < self._sent < version and not self._is_complete:
            before = self._sent
            yield await self._read_chunk()

    async def _read_chunk(self) -> bytes:
        """Return the next events, or the gap if they are lost."""
        events = await self._read_events()
        if not events:
            return await self._gap(self._sent)
        chunk = b"".join(self._presenter.event(version, event, self._snapshot) for version, event in events)
        self._sent = events[-1][0]
        return chunk

    async def _read_events(self) -> tuple[tuple[int, Event], ...]:
        """Read the next events, and the record if their payloads need it; empty if the events are lost."""
        events = (await self._jobs.replay(self._job, self._sent, _READ_LIMIT)).events
        if any(map(_needs_record, dict(events).values())):
            await self._reload()
            if self._job.version < events[-1][0]:
                return ()
        return events

    async def _gap(self, after: int) -> bytes:
        await self._reload()
        self._sent = self._job.version
        return self._presenter.gap(after, self._snapshot)

    async def _reload(self) -> None:
        self._snapshot = await self._jobs.snapshot(self._job.kind, self._job.owner, self._job.id)


def _needs_record(event: Event) -> bool:
    match event:
        case StatusChanged(status):
            return status in ENDED
        case _:
            return isinstance(event, StepFinished | UnknownEvent)
