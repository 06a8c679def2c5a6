"""API services: what the API's handlers call, built from the settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from aether.adapters.redis.hub import RedisHub
from aether.adapters.redis.pipelining import PipeliningRedis
from aether.adapters.redis.rate_limiter import RedisRateLimiter
from aether.adapters.redis.read_tokens import RedisReadTokens
from aether.adapters.redis.readiness import ReadinessProbe
from aether.adapters.redis.templates import RedisTemplates
from aether.api.state import ApiServices, Readiness
from aether.bootstrap.authentication import authenticator
from aether.bootstrap.documents import document_renderer, model_name
from aether.bootstrap.gc_tuning import tune_gc
from aether.bootstrap.identity_provider import token_verifier
from aether.bootstrap.storage import file_store, inbox, job_store, redis_client
from aether.bootstrap.templates import server_templates
from aether.bootstrap.webhooks import webhooks
from aether.domain.job import Kind
from aether.identity.local_key import LocalKey
from aether.identity.read_tokens import ReadTokens
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.services.templates import Templates
from aether.settings import Settings


def request_defaults(settings: Settings) -> Mapping[Kind, Mapping[str, object]]:
    """Return the members that a request gets if it does not have them, by the kind of its job."""
    return {Kind.REPORT: {"checks": settings.checks}}


@asynccontextmanager
async def api_services(settings: Settings, local_key: LocalKey | None = None) -> AsyncIterator[ApiServices]:
    """Open the services.

    Raises:
        ConfigurationError: as `server_templates` and those that open the others.
    """
    of_server = server_templates(settings)
    async with (
        redis_client(settings, PipeliningRedis) as client,
        RedisHub(client) as hub,
        token_verifier(settings) as verifier,
        document_renderer(settings) as renderer,
    ):
        # Files do not share round trips, since other commands would wait behind a large file.
        files = file_store(Redis(connection_pool=client.connection_pool), settings)
        read_tokens = ReadTokens(RedisReadTokens(client))
        probe = ReadinessProbe(client, allow_eviction=settings.allow_eviction, durable=settings.durable)

        async def readiness() -> Readiness:
            return Readiness(await probe())

        tune_gc()
        yield ApiServices(
            Jobs(job_store(client, settings), files, settings.owner_jobs, request_defaults(settings)),
            hub,
            readiness,
            Inbox(inbox(client, settings), hub),
            webhooks(client, settings),
            RedisRateLimiter(client),
            authenticator(client, settings, verifier, local_key, read_tokens),
            read_tokens,
            Templates(RedisTemplates(client), of_server),
            renderer,
            model_name(settings),
        )
