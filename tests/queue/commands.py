"""A worker's calls of the queue's scripts, without a worker."""

from typing import Any

from redis.asyncio import Redis

from aether.leased_queue import payload_for
from aether.leased_queue.scripts import QueueScripts
from tests.queue.conftest import QUEUE

PAYLOAD = payload_for("work")
SCRIPTS = QueueScripts()


async def claim(  # noqa: PLR0913 - one for each argument of the script
    store: Redis,
    worker: str,
    limit: int = 10,
    *,
    may_take_over: bool = True,
    lease_ms: int = 60_000,
    queue: str = QUEUE,
    scripts: QueueScripts = SCRIPTS,
) -> Any:
    return await scripts.claim.run(store, [queue, worker, limit, lease_ms, 0, int(may_take_over), 50])


async def acknowledge(  # noqa: PLR0913 - one for each argument of the script
    store: Redis, verb: str, job_id: str, token: bytes, delay_ms: int = 0, *, score: bytes = b"1"
) -> Any:
    return await SCRIPTS.ack.run(store, [QUEUE, 100, verb, job_id, token, score, delay_ms, PAYLOAD, 60_000])


async def heartbeat(store: Redis, worker: str, lease_ms: int) -> None:
    await SCRIPTS.extend.run(store, [QUEUE, worker, lease_ms, 0, 0, ""])
