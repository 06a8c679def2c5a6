"""Read tokens on Redis: a sorted set for each job, with its tokens by the time at which they expire."""

from datetime import datetime, timedelta

from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import parse_time
from aether.adapters.redis.stored_json import StoredJson
from aether.domain.access import Caller
from aether.domain.job import Kind
from aether.errors import UnknownJobError
from aether.leased_queue.scripts import Argument

_ADD = script("add_read_token")
_FIND = script("find_read_token")

_json = StoredJson(Caller, order="deterministic")


class RedisReadTokens:
    """The `ReadTokenStore` for production; `client` must not decode responses."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def add(self, kind: Kind, job_id: str, digest: str, reader: Caller, lifetime: timedelta) -> datetime:
        """Add the token to the job's set."""
        lifetime_ms = int(lifetime.total_seconds() * 1000)
        arguments: list[Argument] = [job_id, kind, reader.owner, digest, _json.encode(reader), lifetime_ms]
        with translate_redis_errors():
            expires_ms: bytes | None = await _ADD.run(self._client, arguments)
        if expires_ms is None:
            raise UnknownJobError(job_id)
        return parse_time(expires_ms)

    async def load(self, job_id: str, digest: str) -> Caller | None:
        """Find the token in the job's set."""
        with translate_redis_errors():
            content: bytes | None = await _FIND.run(self._client, [job_id, digest])
        return _json.read(content) if content else None
