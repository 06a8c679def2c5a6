"""Where everything is put together, for API and worker alike; the only module that knows every name."""

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
from arq.connections import ArqRedis, RedisSettings
from arq.worker import Retry as RunAgain
from arq.worker import func
from msgspec.structs import replace
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from aether.adapters.embedded_valkey import embedded_valkey
from aether.adapters.local_model.launcher import local_model
from aether.adapters.local_model.sampling import OUTLINE_SAMPLING, SECTION_OPTIONS
from aether.adapters.openai.chat import OpenAIChat, Options
from aether.adapters.redis.presence import be_seen, workers_seen
from aether.adapters.redis.queue import LeasedWorker, serializer
from aether.adapters.redis.queue.connections import harden
from aether.adapters.redis.store import Queueing, RedisJobStore
from aether.api.services import ApiServices, Readiness
from aether.domain.job import Change, Kind, Problem, Status
from aether.domain.report import ReportRequest
from aether.engine.clock import SystemClock
from aether.engine.jobs import Jobs
from aether.engine.retry import RetryPolicy
from aether.engine.runner import Recipe, Runner
from aether.engine.step import Tools
from aether.engine.throttle import Throttle
from aether.errors import ConfigurationError, IllegalMoveError, StoreUnavailableError, UnknownJobError
from aether.settings import JsonObject, Secret, Settings
from aether.workflows.report import write_report
from aether.workflows.writing import ModelWriter

# The plain arq name, so that its own tools find the queue.
QUEUE = "arq:queue"
_FUNCTION = "perform"
_REDIS_TIMEOUT_S = 2.5
_STRANDED_PAUSE = timedelta(seconds=5)
log = structlog.get_logger()

_NO_KEY = "none"  # the client insists on one; servers that need none ignore it


@asynccontextmanager
async def backing(settings: Settings) -> AsyncIterator[Settings]:
    """Start what the settings leave to the service, and yield settings that say where it is.

    Without `REDIS_URL` that is an embedded Valkey; with neither `OPENAI_API_KEY` nor `OPENAI_BASE_URL` it is the local
    model.

    Raises:
        ConfigurationError: one of them cannot be started; the text names the choices.
    """
    async with AsyncExitStack() as stack:
        if settings.redis_url is None:
            url = await stack.enter_async_context(embedded_valkey(settings.home))
            settings = replace(settings, redis_url=Secret(url))
        if settings.openai_api_key is None and settings.openai_base_url is None:
            model = await stack.enter_async_context(local_model(settings.home, settings.local_model))
            settings = replace(
                settings,
                openai_base_url=model.base_url,
                openai_api_key=Secret(model.api_key),
                model=model.name,
                model_options=settings.model_options or JsonObject(SECTION_OPTIONS),
                outline_options=settings.outline_options or JsonObject(OUTLINE_SAMPLING.as_body()),
                model_calls=min(settings.model_calls, model.slots),
            )
        yield settings


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """Open what the API's handlers call."""
    async with redis_client(settings) as client:
        yield ApiServices(Jobs(job_store(client, settings)), partial(_readiness, client))


@asynccontextmanager
async def redis_client(settings: Settings) -> AsyncIterator[ArqRedis]:
    """Open a client that comes back by itself after Redis was away; a call fails after seconds, not minutes."""
    pool = BlockingConnectionPool.from_url(
        _redis_url(settings),
        max_connections=32,
        timeout=_REDIS_TIMEOUT_S,
        # The connections of a pool break together when Redis restarts; each is opened anew once.
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 2),
        retry_on_error=[RedisConnectionError],
    )
    client = ArqRedis(pool)
    harden(client, _REDIS_TIMEOUT_S)
    try:
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise ConfigurationError("Set REDIS_URL, or start everything at once with `aether serve`.")
    return settings.redis_url.reveal()


def job_store(client: ArqRedis, settings: Settings) -> RedisJobStore:
    """Return the store of all processes that share these settings."""
    return RedisJobStore(client, Queueing(QUEUE, _FUNCTION, settings.max_queue), timedelta(seconds=settings.job_ttl))


async def _readiness(client: ArqRedis) -> Readiness:
    try:
        return Readiness(redis=True, worker=await workers_seen(client) > 0)
    except (RedisError, OSError):
        return Readiness(redis=False, worker=False)


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
            "functions": [func(self.perform, name=_FUNCTION, max_tries=1_000_000, timeout=timedelta(days=7))],
            "queue_name": QUEUE,
            "redis_settings": RedisSettings.from_dsn(_redis_url(settings)),
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
            raise RunAgain(defer=_STRANDED_PAUSE) from error

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
