"""Authentication: the authenticator of the API, and the API keys for commands that manage them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.bootstrap.identity_provider import accepts_tokens
from aether.bootstrap.storage import redis_client
from aether.durable.clock import SystemClock
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys
from aether.identity.authenticator import Authenticator, TokenVerifier
from aether.identity.local_key import LocalKey
from aether.identity.read_tokens import ReadTokens
from aether.settings import Settings


@asynccontextmanager
async def open_api_keys(settings: Settings) -> AsyncIterator[ApiKeys]:
    """Open the API keys of the service with these settings, for its operator."""
    async with redis_client(settings) as client:
        yield ApiKeys(RedisApiKeyStore(client), SystemClock())


def authenticator(
    client: Redis,
    settings: Settings,
    token_verifier: TokenVerifier | None,
    local_key: LocalKey | None,
    read_tokens: ReadTokens,
) -> Authenticator:
    """Return the authenticator, which accepts API keys and the other kinds of credentials given here."""
    return Authenticator(
        _api_key_cache(client), token_verifier, local_key, read_tokens, allow_anonymous=settings.allow_anonymous
    )


async def requires_credentials(settings: Settings) -> bool:
    """Whether the service rejects callers without credentials.

    Raises:
        ConfigurationError: as `accepts_tokens`.
        StoreUnavailableError: the keys cannot be read.
    """
    if accepts_tokens(settings):
        return True
    async with redis_client(settings) as client:
        return await _api_key_cache(client).has_any()


def _api_key_cache(client: Redis) -> ApiKeyCache:
    return ApiKeyCache(RedisApiKeyStore(client), SystemClock())
