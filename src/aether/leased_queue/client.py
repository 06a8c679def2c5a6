"""Queue operations for processes that do not work on jobs; each is one round trip."""

import redis.asyncio

from aether.leased_queue import keys
from aether.leased_queue.scripts import Script, lua_source

_ENQUEUE = Script(lua_source() + "return enqueue(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]) and 1 or 0")
_WITHDRAW = Script(lua_source() + "return withdraw(ARGV[1], ARGV[2]) and 1 or 0")
_DEPTH = Script(lua_source() + "return depth(ARGV[1])")
_VINDICATE = Script(lua_source() + "vindicate(ARGV[1]) return 1")
_REDRIVE = Script(
    lua_source()
    + """
local payload = redis.call('GET', CONDEMNED .. ARGV[2])
return payload and enqueue(ARGV[1], ARGV[2], payload, ARGV[3], 0) and 1 or 0
"""
)


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
    """Queue a job; False if one of this id is already queued or running, or its result is still kept.

    Flows take turns: what waits of one delays the first job of another by no more than one of its own.
    """
    return bool(await _ENQUEUE.run(client, [queue, job_id, payload, payload_ttl_ms, delay_ms, flow]))


async def withdraw(client: redis.asyncio.Redis, queue: str, job_id: str) -> bool:
    """Remove every trace of a job from the queue and return whether it was there; its run, if any, is cancelled."""
    return bool(await _WITHDRAW.run(client, [queue, job_id]))


async def depth(client: redis.asyncio.Redis, queue: str) -> int:
    """How many jobs are due and wait for a worker."""
    return int(await _DEPTH.run(client, [queue]))


async def vindicate(client: redis.asyncio.Redis, job_id: str) -> None:
    """Record progress of a job: the deaths of its earlier workers no longer count against it."""
    await _VINDICATE.run(client, [job_id])


async def redrive(
    client: redis.asyncio.Redis, queue: str, job_id: str, *, payload_ttl_ms: int = keys.PAYLOAD_MS
) -> bool:
    """Queue a condemned job once more, free of suspicion; False if none of this id is kept."""
    return bool(await _REDRIVE.run(client, [queue, job_id, payload_ttl_ms]))
