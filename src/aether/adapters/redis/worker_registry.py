"""Worker registry: which workers were alive within the last seconds."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aether.adapters.redis.errors import find_fault
from aether.adapters.redis.keys import WORKER_TTL_S, WORKERS
from aether.leased_queue.key_names import key_name

_INTERVAL_S = 5.0
_RETRY_S = 0.5
_ANNOUNCE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
_COUNT = """
local now = tonumber(redis.call('TIME')[1])
return redis.call('ZCOUNT', KEYS[1], now - tonumber(ARGV[1]), '+inf')
"""

log = structlog.get_logger()


async def announce_worker(client: Redis, worker_id: str) -> None:
    """Announce this worker every few seconds until cancelled, then remove it."""
    is_unseen = False
    try:
        while True:
            pause = _INTERVAL_S
            try:
                await _eval(client, _ANNOUNCE, worker_id)
            except (RedisError, OSError) as error:
                if not is_unseen:
                    log.warning("worker.unseen", reason=find_fault(error) or type(error).__name__)
                pause, is_unseen = _RETRY_S, True
            else:
                is_unseen = False
            await asyncio.sleep(pause)
    finally:
        with suppress(RedisError, OSError):
            await client.zrem(key_name(client, WORKERS), worker_id)


async def count_workers(client: Redis) -> int:
    """Return how many workers announced themselves within the last seconds."""
    return int(await _eval(client, _COUNT))


async def _eval(client: Redis, script: str, *first_arguments: str) -> Any:  # a script's answer
    # redis-py has one type for the answers of its synchronous and its asynchronous client.
    return await client.eval(script, 1, key_name(client, WORKERS), *first_arguments, str(WORKER_TTL_S))  # type: ignore[misc]
