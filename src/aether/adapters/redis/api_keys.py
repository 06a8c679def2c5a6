"""API keys on Redis: one hash with a field for each key, and their version."""

from collections.abc import Collection, Iterator, Mapping

import msgspec
import structlog
from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import ACCESS_KEYS, script
from aether.adapters.redis.stored_json import StoredJson
from aether.domain.access import ApiKey
from aether.identity.api_keys import ApiKeySet
from aether.leased_queue.key_names import key_name

_PUT = script("put_key")
_VERSION = b"version"  # no key has this id: ids are longer

_json = StoredJson(ApiKey, order="sorted")

log = structlog.get_logger()


class RedisApiKeyStore:
    """The `ApiKeyStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def version(self) -> int:
        """Read the version field only."""
        with translate_redis_errors():
            # redis-py has one type for the answers of its synchronous and its asynchronous client.
            version: bytes | None = await self._client.hget(key_name(self._client, ACCESS_KEYS), "version")  # type: ignore[misc]
        return int(version or 0)

    async def load(self) -> ApiKeySet:
        """Read the hash."""
        with translate_redis_errors():
            fields: dict[bytes, bytes] = await self._client.hgetall(key_name(self._client, ACCESS_KEYS))  # type: ignore[misc]
        version = int(fields.pop(_VERSION, 0))
        keys = sorted(_decode_keys(fields), key=lambda key: (key.created_at, key.id))
        return ApiKeySet(version, tuple(keys))

    async def put(self, key: ApiKey, version: int, drop: Collection[str] = ()) -> bool:
        """Write the key's field and the version, and delete the fields of dropped keys."""
        content = _json.encode(key)
        with translate_redis_errors():
            return bool(await _PUT.run(self._client, [key.id, content, version, *drop]))


def _decode_keys(fields: Mapping[bytes, bytes]) -> Iterator[ApiKey]:
    # A key that a later release or an operator wrote may not be readable. Only its holder is locked out by that.
    for key_id, content in fields.items():
        try:
            yield _json.decode(content)
        except msgspec.DecodeError:
            log.warning("keys.unreadable", key_id=key_id.decode("ascii", "replace"))
