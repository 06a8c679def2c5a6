"""The API's half of the house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from aether.adapters.redis.hub import RedisHub
from aether.adapters.redis.presence import workers_seen
from aether.api.services import ApiServices, Readiness
from aether.bootstrap.storage import file_store, inbox, job_store, redis_client
from aether.bootstrap.webhooks import webhooks
from aether.engine.jobs import Jobs
from aether.engine.notifications import Notifications
from aether.settings import Settings


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """Open what the API's handlers call."""
    async with redis_client(settings) as client, RedisHub(client) as hub:
        yield ApiServices(
            Jobs(job_store(client, settings), file_store(client, settings)),
            hub,
            partial(_readiness, client),
            Notifications(inbox(client, settings), hub),
            webhooks(client, settings),
        )


async def _readiness(client: ArqRedis) -> Readiness:
    try:
        return Readiness(redis=True, worker=await workers_seen(client) > 0)
    except (RedisError, OSError):
        return Readiness(redis=False, worker=False)
