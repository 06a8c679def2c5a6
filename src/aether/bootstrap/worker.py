"""Worker process: runs jobs from the queue, and delivers webhooks."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from redis.asyncio import Redis

from aether.adapters.redis.former_queue import drain_former_queue
from aether.adapters.redis.hub import DeltaPublisher
from aether.adapters.redis.store import RedisJobStore
from aether.adapters.redis.worker_registry import announce_worker
from aether.bootstrap.dialects import shared_dialects
from aether.bootstrap.gc_tuning import tune_gc
from aether.bootstrap.handover import pause_before_handover
from aether.bootstrap.recipes import recipes
from aether.bootstrap.server_check import check_client
from aether.bootstrap.storage import (
    FUNCTION,
    file_store,
    job_store,
    lost_jobs,
    object_store,
    queue_name,
    redis_client,
    redis_url,
)
from aether.bootstrap.webhooks import deliver_webhooks
from aether.domain.job import Change, Problem, Status
from aether.durable.background import BackgroundTasks
from aether.durable.clock import SystemClock
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Runner
from aether.durable.step import RunDependencies
from aether.errors import (
    ConfigurationError,
    IllegalMoveError,
    ModelPausedError,
    StoreUnavailableError,
    UnknownJobError,
    UnsupportedRecordError,
)
from aether.leased_queue import LeasedWorker, Retry, job_function, worker_settings
from aether.services.lost_job_sweeper import sweep_lost_jobs
from aether.services.orphan_sweeper import sweep_orphans
from aether.settings import Settings

# As short as possible, so that a dead worker's jobs are taken over soon, but a network cut of 2.5 s directly after a
# heartbeat must not cost a lease.
_LEASE = timedelta(seconds=3.25)
_HEARTBEAT = timedelta(seconds=0.5)
_POLL_S = 1.0
_STRANDED_PAUSE = timedelta(seconds=5)
_OVERTAKEN_PAUSE = timedelta(seconds=0.5)
_MAX_MODEL_PAUSE = 10.0  # seconds that a job keeps its place among the running ones while its model is paused

log = structlog.get_logger()


class Worker:
    """The functions that the queue calls in a worker process, and their resources, open from `start` to `stop`.

    If `client` is the queue's own client, both share the connections, and what the queue learns about broken ones.
    """

    def __init__(self, settings: Settings, client: Redis | None = None) -> None:
        self._settings = settings
        self._client = client
        self._resources = AsyncExitStack()
        self._store: RedisJobStore
        self._runner: Runner

    def queue_settings(self) -> dict[str, Any]:
        """Return the settings of the queue's worker; a job's attempts and time are limited by the engine."""
        return worker_settings(
            [job_function(FUNCTION, self.perform, timeout=timedelta(days=7))],
            queue_name=queue_name(self._settings),
            max_jobs=self._settings.worker_jobs,
            redis_url=redis_url(self._settings),
            on_startup=self.start,
            on_shutdown=self.stop,
        )

    async def start(self) -> None:
        """Open the store and the model clients, and start the background tasks."""
        settings, clock = self._settings, SystemClock()
        client = self._client
        if client is None:
            if settings.key_prefix:
                raise ConfigurationError("AETHER_KEY_PREFIX: arq's own worker knows no prefix. Use `aether worker`.")
            client = await self._resources.enter_async_context(redis_client(settings))
        await check_client(client, settings)
        self._store = job_store(client, settings)
        policy = RetryPolicy(settings.step_attempts, settings.retry_base, settings.retry_cap, settings.step_timeout)
        publisher = await self._resources.enter_async_context(DeltaPublisher(client))
        limiter = ConcurrencyLimiter(settings.model_calls, clock)
        dependencies = RunDependencies(policy, limiter, clock, settings.job_timeout, publisher, _MAX_MODEL_PAUSE)
        memory = await self._resources.enter_async_context(shared_dialects(client, settings))
        files = file_store(client, settings)
        kinds = await self._resources.enter_async_context(recipes(settings, files, dependencies, memory))
        self._runner = Runner(self._store, kinds, dependencies)
        if objects := object_store(settings):
            with suppress(StoreUnavailableError):
                await objects.check()
            await self._resources.enter_async_context(
                BackgroundTasks(partial(sweep_orphans, objects, self._store, clock))
            )
        announce = partial(announce_worker, client, f"{socket.gethostname()}:{os.getpid()}")
        sweep = partial(sweep_lost_jobs, lost_jobs(client, settings), self._store, clock)
        drain = partial(drain_former_queue, client, queue_name(settings))
        await self._resources.enter_async_context(BackgroundTasks(self._stop_fenced_runs, announce, sweep, drain))
        await self._resources.enter_async_context(deliver_webhooks(settings))

    async def stop(self) -> None:
        """Close everything."""
        await self._resources.aclose()

    async def perform(self, job_id: str, attempt: int) -> None:
        """Run the job of a queue entry.

        The entry is returned to the queue if the run failed unexpectedly, if only a worker of a newer version can run
        the job, or if another run has taken it over. If the queue has given the entry to that other run, it ignores the
        return.
        """
        try:
            is_done = await self._runner.perform(job_id)
        except UnsupportedRecordError as error:
            log.info("job.unsupported", job_id=job_id, word=error.word)
            raise Retry(defer=pause_before_handover(attempt)) from error
        except ModelPausedError as error:
            log.info("job.paused", job_id=job_id, wait_s=error.seconds)
            raise Retry(defer=timedelta(seconds=error.seconds)) from error
        except Exception as error:
            log.exception("job.stranded", job_id=job_id)
            raise Retry(defer=_STRANDED_PAUSE) from error
        if not is_done:
            raise Retry(defer=_OVERTAKEN_PAUSE)

    async def fail_poison_job(self, job_id: str, reason: str) -> None:
        """Fail a job that kills every worker that runs it."""
        with suppress(UnknownJobError, IllegalMoveError):
            await self._store.move(job_id, Change(status=Status.FAILED, problem=Problem("poison", reason)))

    async def _stop_fenced_runs(self) -> None:
        """Stop runs whose job was taken from them, at once rather than at their next commit."""
        while True:
            with suppress(StoreUnavailableError):
                async for job_id, epoch in self._store.fences():
                    self._runner.fence(job_id, epoch)
            await asyncio.sleep(0.2)


async def run_worker(settings: Settings) -> None:
    """Run jobs until SIGTERM or SIGINT."""
    async with redis_client(settings) as client:
        worker = Worker(settings, client)
        leased = LeasedWorker(
            **worker.queue_settings(),
            redis_pool=client,
            poll_delay=_POLL_S,
            lease=_LEASE,
            heartbeat_interval=_HEARTBEAT,
            shutdown_grace=timedelta(seconds=settings.shutdown_grace),
            on_dead_letter=worker.fail_poison_job,
        )
        tune_gc()
        try:
            await leased.async_run()
        finally:
            await leased.close()
