"""Keys, and what tells who calls by them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.bootstrap.identity import accepts_tokens
from aether.bootstrap.storage import redis_client
from aether.durable.clock import SystemClock
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys
from aether.identity.authenticator import Authenticator, TokenVerifier
from aether.identity.local_key import LocalKey
from aether.identity.read_tokens import ReadTokens
from aether.settings import Settings


@asynccontextmanager
async def keys(settings: Settings) -> AsyncIterator[ApiKeys]:
    """Open the keys of the service that these settings are of, for those who run it."""
    async with redis_client(settings) as client:
        yield ApiKeys(RedisApiKeyStore(client), SystemClock())


def authenticator(
    client: Redis,
    settings: Settings,
    identities: TokenVerifier | None,
    local_key: LocalKey | None,
    read_tokens: ReadTokens,
) -> Authenticator:
    """Return what tells who calls."""
    return Authenticator(
        _key_ring(client), identities, local_key, read_tokens, allow_anonymous=settings.allow_anonymous
    )


async def requires_credentials(settings: Settings) -> bool:
    """Whether the service lets nobody in without any.

    Raises:
        ConfigurationError: as `accepts_tokens`.
        StoreUnavailableError: nobody can say.
    """
    if accepts_tokens(settings):
        return True
    async with redis_client(settings) as client:
        return await _key_ring(client).has_any()


def _key_ring(client: Redis) -> ApiKeyCache:
    return ApiKeyCache(RedisApiKeyStore(client), SystemClock())
