"""Keys on Redis: one hash, a field for each key, and their version."""

from collections.abc import Collection, Iterator, Mapping

import msgspec
import structlog
from redis.asyncio import Redis

from aether.adapters.redis.keys import ACCESS_KEYS, script
from aether.adapters.redis.store import reaching_redis
from aether.adapters.redis.stored_json import StoredJson
from aether.domain.access import ApiKey
from aether.identity.api_keys import ApiKeySet

_PUT = script("put_key")
_VERSION = b"version"  # ids of keys are longer

_key = StoredJson(ApiKey, order="sorted")

log = structlog.get_logger()


class RedisApiKeyStore:
    """The `KeyStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def version(self) -> int:
        """Read that field alone."""
        with reaching_redis():
            # redis-py types the answers of its two kinds of client as one.
            version: bytes | None = await self._client.hget(ACCESS_KEYS, "version")  # type: ignore[misc]
        return int(version or 0)

    async def load(self) -> ApiKeySet:
        """Read the hash."""
        with reaching_redis():
            fields: dict[bytes, bytes] = await self._client.hgetall(ACCESS_KEYS)  # type: ignore[misc]
        version = int(fields.pop(_VERSION, 0))
        keys = sorted(_readable(fields), key=lambda key: (key.created_at, key.id))
        return ApiKeySet(version, tuple(keys))

    async def put(self, key: ApiKey, version: int, drop: Collection[str] = ()) -> bool:
        """Write the field and the version."""
        content = _key.encode(key)
        with reaching_redis():
            return bool(await _PUT.run(self._client, [key.id, content, version, *drop]))


def _readable(fields: Mapping[bytes, bytes]) -> Iterator[ApiKey]:
    # A key in a form of a later version, or written by hand, must lock out nobody but its holder.
    for key_id, content in fields.items():
        try:
            yield _key.decode(content)
        except msgspec.DecodeError:
            log.warning("keys.unreadable", key_id=key_id.decode("ascii", "replace"))
