"""Lost jobs: finds jobs without a queue entry, and queues them again."""

import asyncio
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice

from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import RECORD, SWEPT, script
from aether.adapters.redis.store import QueueSettings
from aether.leased_queue.key_names import key_name
from aether.leased_queue.serializer import payload_for

_REQUEUE = script("requeue")
_SCAN_COUNT = 500  # keys that one SCAN looks at; each takes the server a fraction of a millisecond
_BATCH = 200  # records that one script reads
_PAUSE_S = 0.005  # after each SCAN, so that a sweep of a million keys leaves the server free for others


class RedisLostJobs:
    """The `LostJobStore` for production. It reads all keys, since an index may be lost as well."""

    def __init__(self, client: Redis, queue: QueueSettings, ttl: timedelta) -> None:
        self._client = client
        self._queue = queue
        self._ttl_ms = int(ttl.total_seconds() * 1000)

    async def begin_sweep(self, interval: timedelta) -> bool:
        """Set a key that expires."""
        with translate_redis_errors():
            return bool(await self._client.set(key_name(self._client, SWEPT), "1", nx=True, px=interval))

    async def find_lost(self) -> Collection[str]:
        """Scan the records."""
        lost: set[str] = set()
        record = key_name(self._client, RECORD)
        cursor = 0
        with translate_redis_errors():
            while True:
                cursor, keys = await self._client.scan(cursor, match=f"{_escape(record)}*", count=_SCAN_COUNT)
                for batch in _batches(key.decode().removeprefix(record) for key in keys):
                    lost |= (await self._run(batch, b"")).keys()
                if cursor == 0:
                    return lost
                await asyncio.sleep(_PAUSE_S)

    async def requeue(self, job_ids: Collection[str]) -> Mapping[str, int]:
        """Run the script that finds them with a payload."""
        requeued: dict[str, int] = {}
        with translate_redis_errors():
            for batch in _batches(job_ids):
                requeued |= await self._run(batch, payload_for(self._queue.function))
        return requeued

    async def _run(self, job_ids: Sequence[str], payload: bytes) -> dict[str, int]:
        flat = await _REQUEUE.run(self._client, [self._queue.name, payload, self._ttl_ms, *job_ids])
        return {job_id.decode(): times for job_id, times in zip(flat[::2], flat[1::2], strict=True)}


def _escape(name: str) -> str:
    """Return the pattern that matches this name only."""
    return re.sub(r"([\[\]*?^\\-])", r"\\\1", name)


def _batches(job_ids: Iterable[str]) -> Iterator[Sequence[str]]:
    remaining = iter(job_ids)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
