"""The worker's half of the house."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import httpx2
import openai
import structlog
from arq import Retry
from arq.connections import RedisSettings
from arq.worker import func

from aether.adapters.openai.chat import OpenAIChat, Options
from aether.adapters.redis.presence import be_seen
from aether.adapters.redis.queue import LeasedWorker, serializer
from aether.adapters.redis.store import RedisJobStore
from aether.bootstrap.storage import FUNCTION, QUEUE, job_store, redis_client, redis_url
from aether.domain.job import Change, Kind, Problem, Status
from aether.domain.report import ReportRequest
from aether.engine.clock import SystemClock
from aether.engine.retry import RetryPolicy
from aether.engine.runner import Recipe, Runner
from aether.engine.step import Tools
from aether.engine.throttle import Throttle
from aether.errors import IllegalMoveError, StoreUnavailableError, UnknownJobError
from aether.settings import Settings
from aether.workflows.report import write_report
from aether.workflows.writing import ModelWriter

# A cut of 2.5 s just after a heartbeat costs no lease, and a dead worker's jobs are taken over as soon as that allows.
_LEASE = timedelta(seconds=3.25)
_HEARTBEAT = timedelta(seconds=0.5)
_STRANDED_PAUSE = timedelta(seconds=5)
_NO_KEY = "none"  # the client insists on one; servers that need none ignore it

log = structlog.get_logger()


class Worker:
    """A worker process's share of the house: what its queue calls, and what that needs, open from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = AsyncExitStack()
        self._store: RedisJobStore
        self._runner: Runner

    def for_arq(self) -> dict[str, Any]:
        """Return arq's settings. Attempts and time are bounded by the engine, in the job's record, and not by arq."""
        settings = self._settings
        return {
            "functions": [func(self.perform, name=FUNCTION, max_tries=1_000_000, timeout=timedelta(days=7))],
            "queue_name": QUEUE,
            "redis_settings": RedisSettings.from_dsn(redis_url(settings)),
            "on_startup": self.start,
            "on_shutdown": self.stop,
            "max_jobs": settings.worker_jobs,
            "keep_result": 0,
            "job_serializer": serializer.encode,
            "job_deserializer": serializer.decode,
            "log_results": False,
        }

    async def start(self, _: dict[str, Any]) -> None:
        """Open the store and the model."""
        settings, clock = self._settings, SystemClock()
        client = await self._open.enter_async_context(redis_client(settings))
        models = await self._open.enter_async_context(model_client(settings))
        self._store = job_store(client, settings)
        policy = RetryPolicy(settings.step_attempts, settings.retry_base, settings.retry_cap, settings.step_timeout)
        tools = Tools(policy, Throttle(settings.model_calls, clock), clock, settings.job_timeout)
        options = Options(settings.model_options or {}, settings.outline_options or {})
        writer = ModelWriter(OpenAIChat(models, settings.model, settings.model_total_timeout, options))
        recipes = {Kind.REPORT: Recipe(ReportRequest, partial(write_report, writer=writer))}
        self._runner = Runner(self._store, recipes, tools)
        for companion in (self._heed_fences(), be_seen(client, f"{socket.gethostname()}:{os.getpid()}")):
            await self._open.enter_async_context(_running(companion))

    async def stop(self, _: dict[str, Any]) -> None:
        """Close everything."""
        await self._open.aclose()

    async def perform(self, ctx: dict[str, Any]) -> None:  # arq's own type
        """Run the job whose entry was taken off the queue; one that could not be brought to an end stays on it."""
        try:
            await self._runner.perform(ctx["job_id"])
        except Exception as error:
            log.exception("job.stranded", job_id=ctx["job_id"])
            raise Retry(defer=_STRANDED_PAUSE) from error

    async def condemn(self, job_id: str, reason: str) -> None:
        """Fail a job that ends every worker it runs on."""
        with suppress(UnknownJobError, IllegalMoveError):
            await self._store.move(job_id, Change(status=Status.FAILED, problem=Problem("poison", reason)))

    async def _heed_fences(self) -> None:
        """Stop runs that have lost their job at once, rather than at their next commit."""
        while True:
            with suppress(StoreUnavailableError):
                async for job_id, epoch in self._store.fences():
                    self._runner.fence(job_id, epoch)
            await asyncio.sleep(0.2)


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    worker = Worker(settings)
    async with redis_client(settings) as client:
        leased = LeasedWorker(
            **worker.for_arq() | {"redis_pool": client},
            lease=_LEASE,
            heartbeat_interval=_HEARTBEAT,
            shutdown_grace=timedelta(seconds=settings.shutdown_grace),
            on_condemned=worker.condemn,
        )
        _spare_collections()
        try:
            await leased.async_run()
        finally:
            await leased.close()


def _spare_collections() -> None:
    """Collect garbage less often: hundreds of calls in flight are a heap in which a collection finds nothing."""
    gc.collect()
    gc.freeze()  # modules and classes stay for good
    gc.set_threshold(10_000, 20, 100)


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def model_client(settings: Settings) -> AsyncIterator[openai.AsyncOpenAI]:
    """Open the client for the model server; it never retries by itself, since each attempt belongs in the record."""
    timeout = httpx2.Timeout(settings.model_read_timeout, connect=settings.model_connect_timeout, pool=None)
    key = settings.openai_api_key
    limits = httpx2.Limits(max_connections=settings.model_calls, keepalive_expiry=15.0)
    client = openai.AsyncOpenAI(
        api_key=key.reveal() if key else _NO_KEY,
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAioHttpClient(timeout=timeout, limits=limits),
    )
    async with client:
        yield client
