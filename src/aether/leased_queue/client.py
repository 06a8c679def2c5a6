"""Queue client: what processes do with the queue that run no jobs; each call is one round trip."""

import redis.asyncio

from aether.leased_queue import keys
from aether.leased_queue.scripts import Script, lua_source

_ENQUEUE = Script(lua_source() + "return enqueue(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]) and 1 or 0")
_WITHDRAW = Script(lua_source() + "return withdraw(ARGV[1], ARGV[2]) and 1 or 0")
_DEPTH = Script(lua_source() + "return depth(ARGV[1])")


async def enqueue(  # noqa: PLR0913 - three of them have defaults
    client: redis.asyncio.Redis,
    queue: str,
    job_id: str,
    payload: bytes,
    *,
    payload_ttl_ms: int = keys.PAYLOAD_MS,
    delay_ms: int = 0,
    flow: str = "",
) -> bool:
    """Enqueue a job; return False if a job of this id is queued or running, or its result is still kept.

    Flows take turns: the first job of a flow waits for at most one job of each other flow.
    """
    return bool(await _ENQUEUE.run(client, [queue, job_id, payload, payload_ttl_ms, delay_ms, flow]))


async def withdraw(client: redis.asyncio.Redis, queue: str, job_id: str) -> bool:
    """Remove a job and all that is stored of it, cancel its run, and return whether it was in the queue."""
    return bool(await _WITHDRAW.run(client, [queue, job_id]))


async def depth(client: redis.asyncio.Redis, queue: str) -> int:
    """Return how many jobs are due and wait for a worker."""
    return int(await _DEPTH.run(client, [queue]))
