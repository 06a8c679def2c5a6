"""Storage: the Redis client, and the stores of jobs, inboxes and files, the same in all processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from aether.adapters.redis.durable_writes import DurableWrites
from aether.adapters.redis.files import RedisFiles
from aether.adapters.redis.inbox import RedisInboxStore
from aether.adapters.redis.lost_jobs import RedisLostJobs
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.durable.ports import FileStore
from aether.errors import ConfigurationError
from aether.installation import extra_hint
from aether.leased_queue import check_redis_url
from aether.leased_queue.connections import harden, sentinel_pool
from aether.leased_queue.key_names import set_key_prefix
from aether.leased_queue.sentinel import SCHEME, SentinelUrl
from aether.services.orphan_sweeper import SweepableFileStore
from aether.settings import Settings

FUNCTION = "perform"
_TIMEOUT_S = 2.5


@asynccontextmanager
async def redis_client(settings: Settings, client_class: type[Redis] = Redis) -> AsyncIterator[Redis]:
    """Open a client that reconnects by itself; while Redis is unavailable, a call fails after seconds, not minutes."""
    url = redis_url(settings)
    options: dict[str, Any] = {  # Any: as redis-py has it
        "max_connections": 32,
        "timeout": _TIMEOUT_S,
        # When Redis restarts, all connections of the pool break, and each is reopened once.
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.05), 2),
        "retry_on_error": [RedisConnectionError],
    }
    if url.startswith(f"{SCHEME}:"):
        pool = sentinel_pool(SentinelUrl.parse(url), **options)
    else:
        pool = BlockingConnectionPool.from_url(url, **options)
    client = client_class(connection_pool=pool)
    harden(client, _TIMEOUT_S)
    set_key_prefix(client, settings.key_prefix)
    try:
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


def redis_url(settings: Settings) -> str:
    """Return the URL of Redis, including its password.

    Raises:
        ConfigurationError: it is missing or not a URL of Redis.
    """
    if settings.redis_url is None:
        raise ConfigurationError("Set REDIS_URL, or start everything at once with `aether serve`.")
    url = settings.redis_url.reveal()
    try:
        _check_scheme(url)
        check_redis_url(url)
        if not url.startswith(f"{SCHEME}:"):
            parse_url(url)
    except (ValueError, RuntimeError):  # its message may contain a part of the password
        rule = "must look like redis://localhost:6379/0, rediss://…, unix:///path or sentinel://host:26379,…/name"
        raise ConfigurationError(f"REDIS_URL {rule}.") from None
    return url


def _check_scheme(url: str) -> None:
    if "://" not in url:  # redis-py takes what follows `redis:` for the number of a database
        raise ValueError


def job_store(client: Redis, settings: Settings) -> RedisJobStore:
    """Return the job store."""
    durable = None if settings.durable == "memory" else DurableWrites(client, settings.durable)
    return RedisJobStore(client, _queue(settings), timedelta(seconds=settings.job_ttl), _inbox_ttl(settings), durable)


def lost_jobs(client: Redis, settings: Settings) -> RedisLostJobs:
    """Return what finds jobs that the job store has lost."""
    return RedisLostJobs(client, _queue(settings), timedelta(seconds=settings.job_ttl))


def inbox(client: Redis, settings: Settings) -> RedisInboxStore:
    """Return the inbox store, which the job store fills."""
    return RedisInboxStore(client, _inbox_ttl(settings))


def queue_name(settings: Settings) -> str:
    """Return the whole name of the queue of jobs."""
    return settings.key_prefix + settings.queue


def _queue(settings: Settings) -> QueueSettings:
    return QueueSettings(queue_name(settings), FUNCTION, settings.max_queue)


def _inbox_ttl(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.inbox_ttl)


def file_store(client: Redis, settings: Settings) -> FileStore:
    """Return the file store.

    Raises:
        ConfigurationError: as `object_store`.
    """
    return object_store(settings) or RedisFiles(client)


def object_store(settings: Settings) -> SweepableFileStore | None:
    """Return the object store for files, if one is configured.

    Raises:
        ConfigurationError: the library is not installed, or the location cannot be used.
    """
    if settings.object_store is None:
        return None
    try:
        from aether.adapters.object_store import ObjectFiles  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"AETHER_OBJECT_STORE needs its library. {extra_hint('objects')}") from error
    return ObjectFiles(settings.object_store)
