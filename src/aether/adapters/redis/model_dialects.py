"""Model dialects on Redis: what is known about the models of a server, one hash for each server."""

from collections.abc import Mapping

from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import DIALECT_MS, DIALECTS
from aether.leased_queue.key_names import key_name

_MAX_MODELS = 1_000  # requests can name any


class RedisModelDialects:
    """The dialects of one server's models, as JSON, for a day after the last change; others may upgrade the server."""

    def __init__(self, client: Redis, server: str) -> None:
        self._client = client
        self._key = key_name(client, DIALECTS, server)

    async def load(self) -> Mapping[str, bytes]:
        """Return the dialects by model.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        with translate_redis_errors():
            # redis-py has one type for the answers of its synchronous and its asynchronous client.
            fields: dict[bytes, bytes] = await self._client.hgetall(self._key)  # type: ignore[misc]
        return {model.decode(errors="replace"): dialect for model, dialect in fields.items()}

    async def save(self, model: str, dialect: bytes | None) -> None:
        """Store the dialect of a model, or delete it for None.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        with translate_redis_errors():
            if dialect is None:
                await self._client.hdel(self._key, model)  # type: ignore[misc]  # as above
            elif await self._client.hlen(self._key) < _MAX_MODELS:  # type: ignore[misc]  # as above
                await self._client.hset(self._key, mapping={model: dialect})  # type: ignore[misc]  # as above
                await self._client.pexpire(self._key, DIALECT_MS)
