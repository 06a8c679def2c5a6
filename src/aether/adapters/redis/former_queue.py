"""Former queue: moves the jobs that earlier versions put into arq's default queue into the queue of this version."""

import asyncio

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aether.adapters.redis.keys import FORMER_QUEUE, script
from aether.leased_queue.key_names import key_name

_DRAIN = script("drain_former_queue", "former_queue")
_INTERVAL_S = 2.0
_PAUSE_S = 0.05  # between two calls for one look at the whole queue, which other programs may have filled
_ENTRIES_PER_CALL = 100  # a script blocks the whole server

log = structlog.get_logger()


async def drain_former_queue(client: Redis, queue: str) -> None:
    """Move jobs every few seconds until cancelled: processes of an earlier version may still queue some.

    Jobs that such a worker runs stay until it acknowledges them or its lease ends. Jobs of other programs, which have
    no record of ours, stay untouched. In production no queue is the former one itself.
    """
    while queue != key_name(client, FORMER_QUEUE):
        try:
            if moved := await move_jobs(client, queue):
                log.info("queue.drained", jobs=moved, former=FORMER_QUEUE, queue=queue)
        except (RedisError, OSError) as error:
            log.warning("queue.not_drained", reason=type(error).__name__)
        await asyncio.sleep(_INTERVAL_S)


async def move_jobs(client: Redis, queue: str, entries_per_call: int = _ENTRIES_PER_CALL) -> int:
    """Look at the whole former queue once, and return how many jobs were moved."""
    if not await client.exists(key_name(client, FORMER_QUEUE)):
        return 0
    moved, rank = await _DRAIN.run(client, [queue, 0, entries_per_call])
    total: int = moved
    while rank >= 0:
        await asyncio.sleep(_PAUSE_S)
        moved, rank = await _DRAIN.run(client, [queue, rank, entries_per_call])
        total += moved
    return total
