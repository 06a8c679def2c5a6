"""The API's half of the house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from aether.adapters.redis.presence import workers_seen
from aether.api.services import ApiServices, Readiness
from aether.bootstrap.storage import job_store, redis_client
from aether.engine.jobs import Jobs
from aether.settings import Settings


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """Open what the API's handlers call."""
    async with redis_client(settings) as client:
        yield ApiServices(Jobs(job_store(client, settings)), partial(_readiness, client))


async def _readiness(client: ArqRedis) -> Readiness:
    try:
        return Readiness(redis=True, worker=await workers_seen(client) > 0)
    except (RedisError, OSError):
        return Readiness(redis=False, worker=False)
