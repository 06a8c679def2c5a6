"""Worker settings: what a worker runs and where, for `LeasedWorker` and for arq's own worker, without arq's types."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from arq import Retry
from arq.connections import RedisSettings
from arq.constants import default_queue_name
from arq.typing import StartupShutdown
from arq.worker import Function, func

from aether.leased_queue import serializer
from aether.leased_queue.sentinel import SCHEME, SentinelUrl

__all__ = ["ARQ_QUEUE", "Function", "Retry", "check_redis_url", "job_function", "worker_settings"]

ARQ_QUEUE = default_queue_name  # where every program with arq has its jobs, unless it names another queue
_UNLIMITED = 1_000_000

Hook = Callable[[], Awaitable[None]]


def job_function(name: str, run: Callable[[str, int], Awaitable[None]], timeout: timedelta) -> Function:
    """Return the function that jobs call by `name`; it awaits `run(job_id, attempt)`.

    Attempts are counted from 1 and not limited. `Retry(defer=…)` puts the job back, to be run again after that time.
    """

    async def call(ctx: dict[Any, Any]) -> None:  # arq's own type
        await run(ctx["job_id"], ctx["job_try"])

    return func(call, name=name, max_tries=_UNLIMITED, timeout=timeout)


def worker_settings(  # noqa: PLR0913 - one for each setting
    functions: Sequence[Function],
    *,
    queue_name: str,
    max_jobs: int,
    redis_url: str,
    on_startup: Hook,
    on_shutdown: Hook,
) -> dict[str, Any]:
    """Return the `WorkerSettings` of the `arq` command, which are also keyword arguments of `LeasedWorker`."""
    return {
        "functions": functions,
        "queue_name": queue_name,
        "max_jobs": max_jobs,
        "redis_settings": _redis_settings(redis_url),
        "on_startup": _without_context(on_startup),
        "on_shutdown": _without_context(on_shutdown),
        "keep_result": 0,
        "job_serializer": serializer.encode,
        "job_deserializer": serializer.decode,
        "log_results": False,
    }


def _without_context(hook: Hook) -> StartupShutdown:
    async def call(ctx: dict[Any, Any]) -> None:  # noqa: ARG001 - arq's own signature
        await hook()

    return call


def check_redis_url(url: str) -> None:
    """Check an address as `worker_settings` reads it.

    Raises:
        ValueError: Its port or its database is not a number; the text may contain a part of the password.
    """
    _redis_settings(url)


def _redis_settings(url: str) -> RedisSettings:
    if not url.startswith(f"{SCHEME}:"):
        return RedisSettings.from_dsn(url)
    parsed = SentinelUrl.parse(url)
    return RedisSettings(
        host=list(parsed.sentinels),
        sentinel=True,
        sentinel_master=parsed.name,
        database=parsed.database,
        username=parsed.username,
        password=parsed.password,
    )
