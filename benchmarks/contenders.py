"""The queues that are compared: the leased worker and stock arq's own at two polling intervals."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from arq.connections import ArqRedis

from aether.leased_queue import enqueue, payload_for
from benchmarks.processes import Child, start
from benchmarks.queue_worker import Options


class Contender(NamedTuple):
    """One kind of queue; `poll_delay` of None is the leased one."""

    name: str
    poll_delay: float | None

    def options(self, url: str, queue: str, max_jobs: int) -> Options:
        """Return its worker's."""
        return Options(url, queue, max_jobs, self.poll_delay is None, self.poll_delay or 0.5)

    async def enqueue(self, client: ArqRedis, queue: str, job_id: str, function: str, delay_s: float = 0.0) -> None:
        """Queue a job as its own producers do."""
        if self.poll_delay is None:
            await enqueue(client, queue, job_id, payload_for(function), delay_ms=int(delay_s * 1000))
        else:
            await client.enqueue_job(function, _job_id=job_id, _queue_name=queue, _defer_by=delay_s or None)


LEASED = Contender("leased", None)
STOCK = Contender("stock arq", 0.5)
EAGER_STOCK = Contender("stock arq, poll_delay 0.01", 0.01)
ALL = (LEASED, STOCK, EAGER_STOCK)


class Crew:
    """Worker processes of one contender on one queue, and the times at which jobs started on them."""

    def __init__(self, contender: Contender, client: ArqRedis, options: Options) -> None:
        self.contender = contender
        self.workers: list[Child] = []
        self.started: dict[str, int] = {}
        self.by: dict[str, Child] = {}
        self._client = client
        self._options = options
        self._news = asyncio.Event()
        self._readers: dict[Child, asyncio.Task[None]] = {}

    async def hire(self) -> None:
        """Start one more worker."""
        worker = await start("benchmarks.queue_worker", msgspec.json.encode(self._options).decode())
        self.workers.append(worker)
        self._readers[worker] = asyncio.create_task(self._read(worker))

    async def dismiss(self, worker: Child) -> None:
        """End a worker as a crash would."""
        self.workers.remove(worker)
        await worker.kill()
        await self._readers.pop(worker)

    async def enqueue(self, job_id: str, function: str = "noop", delay_s: float = 0.0) -> None:
        """Queue a job."""
        await self.contender.enqueue(self._client, self._options.queue, job_id, function, delay_s)

    async def pickup_ms(self, job_id: str) -> float:
        """Queue a job and return how long it took until it ran."""
        since = time.monotonic_ns()
        await self.enqueue(job_id)
        await self.until(lambda: job_id in self.started)
        return (self.started[job_id] - since) / 1e6

    async def until(self, condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
        """Wait until enough jobs have started."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def _read(self, worker: Child) -> None:
        while line := await worker.stdout.readline():
            job_id, _, at = line.decode().partition(" ")
            self.started[job_id] = int(at)
            self.by[job_id] = worker
            self._news.set()


@asynccontextmanager
async def crew(  # noqa: PLR0913 - two of them have defaults
    contender: Contender, client: ArqRedis, url: str, queue: str, *, workers: int = 1, max_jobs: int = 100
) -> AsyncIterator[Crew]:
    """Run workers for the block; each has run a job when this yields."""
    its = Crew(contender, client, contender.options(url, queue, max_jobs))
    try:
        for _ in range(workers):
            await its.hire()
        at = 0
        while len(set(its.by.values())) < workers:
            at += 1
            await its.pickup_ms(f"{queue}:first:{at}")
        yield its
    finally:
        for worker in tuple(its.workers):
            await its.dismiss(worker)
