"""The way to Redis, the same for all processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from arq.connections import ArqRedis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from aether.adapters.redis.queue.connections import harden
from aether.adapters.redis.store import Queueing, RedisJobStore
from aether.errors import ConfigurationError
from aether.settings import Settings

# The plain arq name, so that its own tools find the queue.
QUEUE = "arq:queue"
FUNCTION = "perform"
_TIMEOUT_S = 2.5


@asynccontextmanager
async def redis_client(settings: Settings) -> AsyncIterator[ArqRedis]:
    """Open a client that comes back by itself after Redis was away; a call fails after seconds, not minutes."""
    pool = BlockingConnectionPool.from_url(
        redis_url(settings),
        max_connections=32,
        timeout=_TIMEOUT_S,
        # The connections of a pool break together when Redis restarts; each is opened anew once.
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 2),
        retry_on_error=[RedisConnectionError],
    )
    client = ArqRedis(pool)
    harden(client, _TIMEOUT_S)
    try:
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


def redis_url(settings: Settings) -> str:
    """Return where Redis is, its password included.

    Raises:
        ConfigurationError: it was not said.
    """
    if settings.redis_url is None:
        raise ConfigurationError("Set REDIS_URL, or start everything at once with `aether serve`.")
    return settings.redis_url.reveal()


def job_store(client: ArqRedis, settings: Settings) -> RedisJobStore:
    """Return the store of all processes that share these settings."""
    return RedisJobStore(client, Queueing(QUEUE, FUNCTION, settings.max_queue), timedelta(seconds=settings.job_ttl))
