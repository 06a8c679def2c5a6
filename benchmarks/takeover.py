"""Take-over: the time from SIGKILL of a worker until its job, with a timeout of one hour, starts on another worker.

For stock arq this is computed, not measured: its in-progress key lives for the longest job timeout plus ten seconds,
and another worker can take the job only after that.
"""

import asyncio
import random
import time
from typing import NamedTuple

from arq.connections import ArqRedis

from benchmarks.contenders import LEASED, crew
from benchmarks.queue_worker import ONE_HOUR_S
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of

_PAIRS = 4


class Row(NamedTuple):
    """One queue; the figure of stock arq is computed."""

    queue: str
    attempts: int
    p50_s: float
    max_s: float


async def measure(*, quick: bool = False) -> Table:
    """Kill one of two workers again and again, on four queues side by side."""
    async with valkey() as url:
        rounds = 1 if quick else 4
        pairs = await asyncio.gather(*(_takeovers(url, f"queue:{pair}", rounds) for pair in range(_PAIRS)))
    taken = [seconds for its in pairs for seconds in its]
    stock = float(ONE_HOUR_S + 10)
    rows = [Row("leased", len(taken), median(taken), max(taken)), Row("stock arq (computed)", 0, stock, stock)]
    return Table("Take-over after SIGKILL", note_of(__doc__), rows)


async def _takeovers(url: str, queue: str, rounds: int) -> list[float]:
    async with connected(url) as client:
        return [await _takeover(client, url, f"{queue}:{at}") for at in range(rounds)]


async def _takeover(client: ArqRedis, url: str, queue: str) -> float:
    """Use a queue once: a job that has lost two workers is quarantined: it waits, and then runs alone."""
    job_id = f"{queue}:job"
    async with crew(LEASED, client, url, queue, workers=2) as its:
        await its.enqueue(job_id, "hold")
        await its.until(lambda: job_id in its.started)
        await asyncio.sleep(random.uniform(1.0, 3.0))  # noqa: S311 - no secret
        first_start, killed_at = its.started[job_id], time.monotonic_ns()
        await its.dismiss(its.by[job_id])
        await its.until(lambda: its.started[job_id] > first_start)
        return (its.started[job_id] - killed_at) / 1e9
