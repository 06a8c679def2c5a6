"""Following a job, from any of its versions to its end, through whatever happens to the store and the connection."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter, SkipValidation

from aether.api.http import sse
from aether.api.http.sse import EventStream
from aether.api.jobs.event_presenter import EventPresenter
from aether.domain.events import Event, StatusChanged, StepFinished, UnknownEvent
from aether.domain.job import ENDED, Job
from aether.durable.change_hub import ChangeHub, Delta
from aether.errors import StoreUnavailableError, UnknownJobError
from aether.services.jobs import Jobs

_PAGE = 200  # events read at once
_PAUSE_S = 0.5

LastEventId = Annotated[
    str, HeaderParameter(name="Last-Event-ID", description="The last `id` you have, as `EventSource` sends it.")
]
After = Annotated[
    int, QueryParameter(ge=0, description="The same for who cannot send headers; `Last-Event-ID` goes before it.")
]

_VERSION = re.compile(r"\d{1,18}", re.ASCII)


def cursor_of(last_event_id: str, after: int) -> int:
    """Return the version behind which the caller goes on, 0 being none.

    An id that was never one of ours is none, as a browser sends whatever it had before.
    """
    if not last_event_id:
        return after
    return int(last_event_id) if _VERSION.fullmatch(last_event_id) else 0


class EventSubscription:
    """Who follows a job from a version on, 0 being none."""

    def __init__(self, jobs: Jobs, hub: ChangeHub, cursor: int) -> None:
        self._jobs = jobs
        self._hub = hub
        self._cursor = cursor

    def has_all(self, job: Job) -> bool:
        """Whether there is nothing to come."""
        return job.status in ENDED and job.version == self._cursor

    async def follow(self, job: Job, presenter: EventPresenter) -> EventStream:
        """Answer with what follows.

        Raises:
            StoreUnavailableError: what comes first cannot be read.
        """
        return EventStream(await JobStream(self._jobs, self._hub, presenter, job).behind(self._cursor))


def event_subscription(
    jobs: NamedDependency[Jobs],
    hub: NamedDependency[SkipValidation[ChangeHub]],
    last_event_id: LastEventId = "",
    after: After = 0,
) -> EventSubscription:
    """Read where the caller goes on."""
    return EventSubscription(jobs, hub, cursor_of(last_event_id, after))


class JobStream:
    """The news of one job for one caller, in pieces that each are one event or several."""

    def __init__(self, jobs: Jobs, hub: ChangeHub, presenter: EventPresenter, job: Job) -> None:
        self._jobs = jobs
        self._hub = hub
        self._teller = presenter
        self._job = job
        self._told = 0

    @property
    def _over(self) -> bool:
        return self._told == self._job.version and self._job.status in ENDED

    async def behind(self, cursor: int) -> AsyncGenerator[bytes, None]:
        """Return what follows a version, until the job has ended or is gone, or the hub closes; behind 0 stands all.

        Raises:
            StoreUnavailableError: what comes first cannot be read.
        """
        if cursor > self._job.version:
            return self._pieces(await self._gap(cursor))
        self._told = cursor or self._job.version
        return self._pieces(b"" if cursor else await self._teller.snapshot(self._job))

    async def _pieces(self, first: bytes) -> AsyncGenerator[bytes, None]:
        yield sse.opening() + first
        while not self._over:
            try:
                async with aclosing(self._follow()) as pieces:
                    async for piece in pieces:
                        yield piece
            except StoreUnavailableError:
                # A new watch is told of the same version, as soon as the store answers.
                await asyncio.sleep(_PAUSE_S)
            except UnknownJobError:
                return
            else:
                return

    async def _follow(self) -> AsyncGenerator[bytes, None]:
        with self._hub.watch(self._job.id, self._told, sse.PULSE_S) as watch:
            async for heard in watch:
                async for piece in self._tell(heard):
                    yield piece
                if self._over:
                    return

    async def _tell(self, heard: int | Delta | None) -> AsyncGenerator[bytes, None]:
        if heard is None:
            yield sse.PING
        elif isinstance(heard, Delta):
            if piece := self._teller.text(heard, self._job):
                yield piece
        elif heard < self._told:
            # The store has lost changes that it had acknowledged, or the job itself.
            yield await self._gap(self._told)
        else:
            async for piece in self._until(heard):
                yield piece

    async def _until(self, version: int) -> AsyncGenerator[bytes, None]:
        before = -1  # behind a gap, what was told may be less
        while before < self._told < version and not self._over:
            before = self._told
            yield await self._next()

    async def _next(self) -> bytes:
        """Tell the next changes, or that they are lost."""
        events = await self._read()
        if not events:
            return await self._gap(self._told)
        pieces = [await self._teller.event(version, event, self._job) for version, event in events]
        # Only now: what fails before is told again.
        self._told = events[-1][0]
        return b"".join(pieces)

    async def _read(self) -> tuple[tuple[int, Event], ...]:
        """Read the next changes, and the record if its texts are needed for them; none if they are lost."""
        events = (await self._jobs.replay(self._job, self._told, _PAGE)).events
        if any(map(_needs_record, dict(events).values())):
            await self._reload()
            if self._job.version < events[-1][0]:
                return ()
        return events

    async def _gap(self, after: int) -> bytes:
        await self._reload()
        piece = await self._teller.gap(after, self._job)
        self._told = self._job.version
        return piece

    async def _reload(self) -> None:
        self._job = await self._jobs.get(self._job.kind, self._job.owner, self._job.id)


def _needs_record(event: Event) -> bool:
    match event:
        case StatusChanged(status):
            return status in ENDED
        case _:
            return isinstance(event, StepFinished | UnknownEvent)
