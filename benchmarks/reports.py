"""Whole reports: the time that the engine and its queue add to the time of the model.

The model takes 300 ms for an outline and 700 ms for each of 8 sections, so the shortest possible time is 1.0 s. All
reports are submitted at once to one worker process, which runs AETHER_WORKER_JOBS of them at a time. The time is
measured from the submission of each report until a client that listens for changes sees it completed; ratios are
relative to 1.0 s. "Model calls" is AETHER_MODEL_CALLS, the maximum number of simultaneous calls of a model. CPU is the
CPU time of the worker per report, without its start. Each worker has a Valkey of its own. The model, both servers, the
client and the worker share the cores.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple
from uuid import uuid4

import msgspec
from arq.connections import ArqRedis
from redis.asyncio.client import PubSub

from aether.adapters.redis.keys import CHANGES, RECORD
from aether.adapters.redis.worker_registry import count_workers
from aether.bootstrap.storage import job_store
from aether.domain.job import Kind, Status
from aether.domain.report_request import Checks, ReportRequest
from aether.durable.ports import NewJob
from aether.settings import Settings
from aether.workflows.report.recipe import first_steps
from benchmarks.processes import Child, running
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of
from tests.scripted_model import ModelProcess, Setup

SECTIONS = 8
CRITICAL_PATH_S = 1.0
SETUP = Setup(sections=SECTIONS, outline_ms=300, section_ms=700)
WORKERS = {"leased": ("aether", "worker"), "stock arq": ("arq", "worker.WorkerSettings")}
_FEWEST_VERSIONS = SECTIONS + 4
"""Created, begun, outline done, each section done, completed: before that nobody has to look."""
_LONGEST_S = 120.0


_QUICKLY = ((1, 500, 100, 3), (50, 500, 100, 1))
_THOROUGHLY = ((1, 500, 100, 10), (50, 500, 100, 3), (200, 500, 100, 3), (500, 500, 100, 2), (500, 1_000, 500, 2))
"""Reports at once, AETHER_MODEL_CALLS, AETHER_WORKER_JOBS, rounds; 500 and 100 are the defaults."""


class Row(NamedTuple):
    """One number of reports at once, on one kind of worker."""

    worker: str
    reports_at_once: int
    model_calls: int
    worker_jobs: int
    ratio_p50: float
    ratio_max: float
    vs_stock: float | None
    cpu_ms_per_report: float
    peak_rss_mb: float


class Batch(NamedTuple):
    """What one batch of reports took: seconds of each, CPU seconds of the worker for all."""

    seconds: Sequence[float]
    cpu_s: float


class Bench:
    """A worker process of one kind on a store of its own, and a client that submits and listens."""

    def __init__(self, client: ArqRedis, changes: PubSub, worker: Child) -> None:
        self._client = client
        self._changes = changes
        self.worker = worker
        self._store = job_store(client, Settings())
        self._ended: set[str] = set()
        self.submitted: dict[str, float] = {}

    async def batch(self, count: int) -> Batch:
        """Submit reports at once and wait for all."""
        before = self.worker.cpu_s()
        self.submitted = {}
        took: dict[str, float] = {}
        listening = asyncio.create_task(self._listen(count, took))
        await asyncio.gather(*(self._submit(f"Topic {at}") for at in range(count)))
        await asyncio.wait_for(listening, _LONGEST_S)
        await asyncio.sleep(0.2)
        return Batch([took[job_id] - since for job_id, since in self.submitted.items()], self.worker.cpu_s() - before)

    async def _submit(self, topic: str) -> None:
        request = ReportRequest(topic, checks=Checks.REWRITE)
        job = NewJob(str(uuid4()), Kind.REPORT, "", msgspec.json.encode(request), first_steps(request))
        self.submitted[job.id] = time.monotonic()
        await self._store.create(job)

    async def _listen(self, count: int, took: dict[str, float]) -> None:
        async for message in self._changes.listen():
            if message["type"] != "pmessage" or int(message["data"]) < _FEWEST_VERSIONS:
                continue
            job_id = message["channel"].decode().removeprefix(CHANGES)
            if job_id in self._ended:
                continue
            status = await self._client.hget(RECORD + job_id, "status")  # type: ignore[misc]
            if status == Status.COMPLETED.encode():
                took[job_id] = time.monotonic()
                self._ended.add(job_id)
            elif status == Status.FAILED.encode():
                raise RuntimeError(await self._client.hget(RECORD + job_id, "problem"))  # type: ignore[misc]
            if len(took) == count:
                return

    async def bytes_of_one(self) -> int:
        """How much the store holds for a finished report."""
        job_id = next(iter(self.submitted))
        return await self._client.memory_usage(RECORD + job_id, samples=0) or 0


@asynccontextmanager
async def bench(kind: str, model_url: str, settings: Mapping[str, str]) -> AsyncIterator[Bench]:
    """Start store and worker; the worker has made a few reports already when this yields."""
    module, argument = WORKERS[kind]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(valkey())
        client = await stack.enter_async_context(connected(url))
        changes = await stack.enter_async_context(client.pubsub())
        await changes.psubscribe(f"{CHANGES}*")
        env = {"REDIS_URL": url, "OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none", **settings}
        worker = await stack.enter_async_context(running(module, argument, env=env))
        while not await count_workers(client):  # noqa: ASYNC110 - a process of its own
            await asyncio.sleep(0.05)
        ready = Bench(client, changes, worker)
        await ready.batch(5)
        yield ready


async def measure(*, quick: bool = False) -> Table:
    """Alternate between the kinds of worker, for several rounds with each number of reports."""
    rows: list[Row] = []
    for case in _QUICKLY if quick else _THOROUGHLY:
        rows += await _measure_at(*case)
    return Table("Simultaneous reports on one worker", note_of(__doc__), rows)


async def _measure_at(count: int, model_calls: int, worker_jobs: int, rounds: int) -> list[Row]:
    settings = {"AETHER_MODEL_CALLS": str(model_calls), "AETHER_WORKER_JOBS": str(worker_jobs)}
    batches: dict[str, list[Batch]] = {kind: [] for kind in WORKERS}
    async with AsyncExitStack() as stack:
        model = stack.enter_context(ModelProcess(SETUP))
        benches = {k: await stack.enter_async_context(bench(k, model.base_url, settings)) for k in WORKERS}
        for _ in range(rounds):
            for kind, its in benches.items():
                batches[kind].append(await its.batch(count))
                model.reset()
        peaks = {kind: its.worker.rss_mb(peak=True) for kind, its in benches.items()}
    p50 = {kind: median([median(batch.seconds) for batch in batches[kind]]) for kind in WORKERS}
    return [
        Row(
            kind,
            count,
            model_calls,
            worker_jobs,
            p50[kind] / CRITICAL_PATH_S,
            median([max(batch.seconds) for batch in batches[kind]]) / CRITICAL_PATH_S,
            None if kind == "stock arq" else p50[kind] / p50["stock arq"],
            median([batch.cpu_s for batch in batches[kind]]) / count * 1000,
            peaks[kind],
        )
        for kind in WORKERS
    ]
