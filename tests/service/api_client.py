"""The API over a memory store, as the tests of the wire see it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import msgspec
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.api.services import ApiServices, Readiness
from aether.app import create_app
from aether.domain.job import Change, Kind, Problem, Status, Step, StepStatus
from aether.domain.report import Outline, OutlineItem, Section
from aether.engine.jobs import Jobs
from aether.engine.ports import NewJob
from aether.settings import Settings
from tests.fakes import MemoryJobStore

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@cache
def _app(max_body: int) -> tuple[Litestar, list[ApiServices]]:
    """Build an API once for all tests, and the list from which it takes its services when it starts."""
    opened: list[ApiServices] = []

    @asynccontextmanager
    async def services() -> AsyncIterator[ApiServices]:
        yield opened[0]

    return create_app(Settings(max_body=max_body), services), opened


@dataclass
class House:
    """What stands behind the API: a store, and whether it is ready."""

    store: MemoryJobStore = field(default_factory=MemoryJobStore)
    readiness: Readiness = field(default_factory=lambda: Readiness(redis=True, worker=True))

    def client(self, max_body: int = 100_000) -> AbstractAsyncContextManager[AsyncTestClient[Litestar]]:
        """Start the API."""
        app, opened = _app(max_body)
        opened[:] = [ApiServices(Jobs(self.store), self._ready)]
        return AsyncTestClient(app, raise_server_exceptions=False)

    async def _ready(self) -> Readiness:
        return self.readiness

    async def job(self, job_id: str = UNKNOWN, *, owner: str = "local", request: bytes = b'{"topic":"Rome"}') -> str:
        """Put a pending job into the store."""
        await self.store.create(NewJob(job_id, Kind.REPORT, owner, request, ("outline",)))
        return job_id

    async def work(self, job_id: str, *changes: Change) -> None:
        """Do what a worker would: take the job and commit these changes."""
        job = await self.store.begin(job_id)
        assert job is not None
        version = job.version
        for change in changes:
            version = await self.store.commit(job_id, job.epoch, version, change)


def outlined(*titles: str) -> Change:
    """Finish the outline step with these titles."""
    outline = Outline(tuple(map(OutlineItem, titles)))
    steps = (done("outline", 0, outline), *(Step(f"section:{at}", at + 1) for at in range(len(titles))))
    return Change(total=1 + len(titles), steps=steps)


def written(position: int, text: str) -> Change:
    """Finish a section step with this text."""
    return Change(steps=(done(f"section:{position}", position + 1, Section(text)),))


def done(name: str, order: int, result: object) -> Step:
    """Return a step that is done."""
    return Step(name, order, StepStatus.DONE, attempts=1, result=msgspec.Raw(msgspec.json.encode(result)))


def failed(problem: Problem) -> Change:
    """Fail the job."""
    return Change(status=Status.FAILED, problem=problem)
