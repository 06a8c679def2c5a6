"""Work for the fleet, put in as the API puts it in."""

import asyncio
import itertools
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import msgspec

from aether.adapters.redis.store import RedisJobStore
from aether.bootstrap.storage import job_store, redis_client
from aether.domain.job import Kind
from aether.domain.report_request import ReportRequest
from aether.durable.ports import NewJob
from aether.errors import StoreUnavailableError
from aether.settings import Settings
from aether.workflows.report.recipe import first_steps
from tests.waiting import PATIENCE_S

T = TypeVar("T")
OWNER = "chaos"


class Load:
    """Submits jobs over a connection of its own, in a thread of its own; `accepted` maps acknowledged ids to topics.

    Every submission has a topic of its own, by which the model's record tells whose call it was.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-load", daemon=True)
        self._open = AsyncExitStack()
        self._submitting: Future[None] | None = None
        self._numbers = itertools.count()
        self.accepted: dict[str, str] = {}
        self.store: RedisJobStore

    def submit(self, sections: int, topic: str = "report") -> str | None:
        """Submit a report and return its id; None if Redis is away, when it may or may not have been stored."""
        with suppress(StoreUnavailableError):
            return self.wait(self._submit(sections, topic))
        return None

    def submit_many(self, count: int, sections: int, topic: str = "report") -> list[str]:
        """Submit that many at once."""

        async def all_of_them() -> list[str]:
            return [await self._submit(sections, topic) for _ in range(count)]

        return self.wait(all_of_them())

    def submit_for(self, seconds: float, per_s: float, sections: int) -> None:
        """Submit at this pace in the background, whether Redis is there or not."""

        async def submitting() -> None:
            limit = time.monotonic() + seconds
            while time.monotonic() < limit:
                with suppress(StoreUnavailableError):
                    await self._submit(sections, "report")
                await asyncio.sleep(1 / per_s)

        self._submitting = asyncio.run_coroutine_threadsafe(submitting(), self._loop)

    def create_equals(self, ids: list[str], times: int) -> None:
        """Put in the same new job many times at once, for each of the ids."""

        async def create(job_id: str) -> None:
            await self.store.create(self._new(job_id, f"equal {job_id}", 2))

        async def all_at_once() -> None:
            await asyncio.gather(*(create(job_id) for _ in range(times) for job_id in ids))

        self.wait(all_at_once())
        self.accepted.update({job_id: f"equal {job_id}" for job_id in ids})

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the load's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _submit(self, sections: int, topic: str) -> str:
        job = self._new(str(uuid4()), f"{topic} {next(self._numbers)}", sections)
        await self.store.create(job)
        self.accepted[job.id] = msgspec.json.decode(job.input, type=ReportRequest).topic
        return job.id

    @staticmethod
    def _new(job_id: str, topic: str, sections: int) -> NewJob:
        request = ReportRequest(topic=topic, sections=sections)
        return NewJob(job_id, Kind.REPORT, OWNER, msgspec.json.encode(request), first_steps(request))

    async def _start(self) -> None:
        client = await self._open.enter_async_context(redis_client(self._settings))
        self.store = job_store(client, self._settings)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait(self._start())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._submitting is not None:
            self._submitting.cancel()
        self.wait(self._open.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()
