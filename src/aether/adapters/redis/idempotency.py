"""Idempotency on Redis: a hash for each idempotency key, with its job and the fingerprint of the request.

`commit.lua` writes the hash when it creates the job; a hash without the job's record counts as missing.
"""

from redis.asyncio import Redis

from aether.adapters.redis.keys import IDEMPOTENCY, RECORD
from aether.domain.idempotency import Idempotency
from aether.errors import IdempotencyKeyReusedError
from aether.leased_queue.key_names import key_name


async def find_repeated(client: Redis, idempotency: Idempotency) -> str | None:
    """Return the id of the job that was created with this key.

    Raises:
        IdempotencyKeyReusedError: the key was used for another request.
    """
    # redis-py has one type for the answers of its synchronous and its asynchronous client.
    stored = await client.hmget(key_name(client, IDEMPOTENCY, idempotency.key), ["job", "fingerprint"])  # type: ignore[misc]
    job_id, fingerprint = (each and each.decode() for each in stored)
    if not job_id or not await client.exists(key_name(client, RECORD, job_id)):
        return None
    if fingerprint != idempotency.fingerprint:
        raise IdempotencyKeyReusedError
    return str(job_id)
