"""Read tokens on Redis: for each job a sorted set of those that have not ended, by when they end."""

from datetime import datetime, timedelta

from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import moment
from aether.adapters.redis.store import reaching_redis
from aether.adapters.redis.stored_json import StoredJson
from aether.domain.access import Caller
from aether.domain.job import Kind
from aether.errors import UnknownJobError

_ADD = script("add_read_token")
_READER = script("reader")

_caller = StoredJson(Caller, order="deterministic")


class RedisReadTokens:
    """The `ReadTokenStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def add(self, kind: Kind, job_id: str, digest: str, reader: Caller, lifetime: timedelta) -> datetime:
        """Add it to the set."""
        kept = _caller.encode(reader)
        life_ms = int(lifetime.total_seconds() * 1000)
        with reaching_redis():
            ends_ms: bytes | None = await _ADD.run(self._client, [job_id, kind, reader.owner, digest, kept, life_ms])
        if ends_ms is None:
            raise UnknownJobError(job_id)
        return moment(ends_ms)

    async def load(self, job_id: str, digest: str) -> Caller | None:
        """Look for it in the set."""
        with reaching_redis():
            kept: bytes | None = await _READER.run(self._client, [job_id, digest])
        return _caller.read(kept) if kept else None
