"""Event streams: the time from sending a change to Redis until a client has its event, with one API process.

Each client follows a job of its own. One job after the other is changed, in random order. Memory and CPU are those of
the API process: memory per stream, and CPU in percent of a core while only pings are sent.
"""

import asyncio
import random
import resource
import time
from datetime import timedelta
from typing import NamedTuple

from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.settings import Settings
from benchmarks.hub_waiters import job_id
from benchmarks.processes import Child, running, serving
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of, percentile

_FILES = 20_000


class Row(NamedTuple):
    """So many streams."""

    streams: int
    samples: int
    p50_ms: float
    p99_ms: float
    rss_kb_per_stream: float
    idle_cpu_percent: float


async def measure(*, quick: bool = False) -> Table:
    """Measure with more and more of them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    counts = (1, 100) if quick else (1, 1_000, 5_000)
    rows = [await _row(streams, 50 if quick else 500, 5.0 if quick else 30.0) for streams in counts]
    return Table("Event streams", note_of(__doc__), rows)


async def _row(streams: int, samples: int, idle_s: float) -> Row:
    async with (
        valkey() as url,
        connected(url) as client,
        serving("aether", "api", env={"REDIS_URL": url}) as (api, port),
    ):
        store = RedisJobStore(client, QueueSettings(Settings().queue, "perform", 100_000), timedelta(hours=1))
        for at in range(streams):
            await store.create(NewJob(job_id(at), Kind.REPORT, "local", b'{"topic":"Rome"}'))
        before = api.rss_mb()
        async with running("benchmarks.stream_clients", str(port), str(streams)) as clients:
            await clients.stdout.readline()
            used = api.cpu_s()
            await asyncio.sleep(idle_s)
            used = api.cpu_s() - used
            kb = (api.rss_mb() - before) * 1024 / streams
            taken = [await _taken_ms(store, clients, job_id(random.randrange(streams))) for _ in range(samples)]  # noqa: S311
    return Row(streams, samples, median(taken), percentile(taken, 99), kb, 100 * used / idle_s)


async def _taken_ms(store: RedisJobStore, clients: Child, job: str) -> float:
    began = time.monotonic()
    await store.begin(job)
    return (float(await clients.stdout.readline()) - began) * 1000
