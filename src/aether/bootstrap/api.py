"""API services: what the API's handlers call, built from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from aether.adapters.redis.hub import RedisHub
from aether.adapters.redis.pipelining import PipeliningRedis
from aether.adapters.redis.rate_limiter import RedisRateLimiter
from aether.adapters.redis.read_tokens import RedisReadTokens
from aether.adapters.redis.readiness import ReadinessProbe
from aether.api.state import ApiServices, Readiness
from aether.bootstrap.authentication import authenticator
from aether.bootstrap.documents import document_renderer, model_name
from aether.bootstrap.gc_tuning import tune_gc
from aether.bootstrap.identity_provider import token_verifier
from aether.bootstrap.storage import file_store, inbox, job_store, redis_client
from aether.bootstrap.webhooks import webhooks
from aether.identity.local_key import LocalKey
from aether.identity.read_tokens import ReadTokens
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.settings import Settings


@asynccontextmanager
async def api_services(settings: Settings, local_key: LocalKey | None = None) -> AsyncIterator[ApiServices]:
    """Open the services."""
    async with (
        redis_client(settings, PipeliningRedis) as client,
        RedisHub(client) as hub,
        token_verifier(settings) as verifier,
        document_renderer(settings) as renderer,
    ):
        # Files do not share round trips, since other commands would wait behind a large file.
        file_client = Redis(connection_pool=client.connection_pool)
        read_tokens = ReadTokens(RedisReadTokens(client))
        probe = ReadinessProbe(client, allow_eviction=settings.allow_eviction, durable=settings.durable)

        async def readiness() -> Readiness:
            return Readiness(await probe())

        tune_gc()
        yield ApiServices(
            Jobs(job_store(client, settings), file_store(file_client, settings), settings.owner_jobs),
            hub,
            readiness,
            Inbox(inbox(client, settings), hub),
            webhooks(client, settings),
            RedisRateLimiter(client),
            authenticator(client, settings, verifier, local_key, read_tokens),
            read_tokens,
            renderer,
            model_name(settings),
        )
