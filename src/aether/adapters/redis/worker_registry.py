"""Which workers were seen lately."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

WORKERS = "aether:workers"  # sorted set, worker by the time it was last seen: _LIFE_S after the last one was seen

_INTERVAL_S = 5.0
_LIFE_S = 15
_SEEN = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
_LATELY = """
local now = tonumber(redis.call('TIME')[1])
return redis.call('ZCOUNT', KEYS[1], now - tonumber(ARGV[1]), '+inf')
"""

log = structlog.get_logger()


async def be_seen(client: Redis, worker_id: str) -> None:
    """Tell that this worker is there, every few seconds until cancelled; then take it back."""
    try:
        while True:
            try:
                await _eval(client, _SEEN, worker_id)
            except (RedisError, OSError) as error:
                log.warning("worker.unseen", reason=type(error).__name__)
            await asyncio.sleep(_INTERVAL_S)
    finally:
        with suppress(RedisError, OSError):
            await client.zrem(WORKERS, worker_id)


async def workers_seen(client: Redis) -> int:
    """How many workers were seen within the last few seconds."""
    return int(await _eval(client, _LATELY))


async def _eval(client: Redis, script: str, *first: str) -> Any:  # a script's answer
    # redis-py types the answers of its two kinds of client as one.
    return await client.eval(script, 1, WORKERS, *first, str(_LIFE_S))  # type: ignore[misc]
