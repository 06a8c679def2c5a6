"""Change notification in the hub: the time from sending a change to Redis until a waiter in another process has it.

Each waiter waits for a job of its own, and all of them share one connection. One job after the other is changed, in
random order. The memory is that of the waiting process per waiter, including the task of the waiter.
"""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.settings import Settings
from benchmarks.hub_waiters import job_id
from benchmarks.processes import Child, running
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of, percentile


class Row(NamedTuple):
    """So many who wait."""

    waiters: int
    samples: int
    p50_ms: float
    p99_ms: float
    rss_kb_per_waiter: float


async def measure(*, quick: bool = False) -> Table:
    """Measure with more and more of them."""
    counts = (1, 1_000) if quick else (1, 1_000, 10_000)
    rows = [await _row(waiters, 50 if quick else 500) for waiters in counts]
    return Table("Change notification in the hub", note_of(__doc__), rows)


async def _row(waiters: int, samples: int) -> Row:
    changed = random.sample(range(waiters), min(waiters, 100))
    async with _waiting(waiters, changed) as (store, child):
        kb = int(await child.stdout.readline()) / 1024
        taken = [await _taken_ms(store, child, job_id(random.choice(changed))) for _ in range(samples)]  # noqa: S311
    return Row(waiters, samples, median(taken), percentile(taken, 99), kb)


@asynccontextmanager
async def _waiting(waiters: int, changed: list[int]) -> AsyncIterator[tuple[RedisJobStore, Child]]:
    async with valkey() as url, connected(url) as client:
        store = RedisJobStore(client, QueueSettings(Settings().queue, "perform", 10_000), timedelta(hours=1))
        for at in changed:
            await store.create(NewJob(job_id(at), Kind.REPORT, "bench", b"{}"))
        async with running("benchmarks.hub_waiters", url, str(waiters)) as child:
            yield store, child


async def _taken_ms(store: RedisJobStore, child: Child, job: str) -> float:
    began = time.monotonic()
    await store.begin(job)
    return (float(await child.stdout.readline()) - began) * 1000
