"""Pickup latency: the time from enqueueing a job to its start, on one worker process.

The worker has free capacity. It is idle, or it already runs the given number of jobs, which only wait. Jobs are
enqueued one at a time, at random moments.
"""

import asyncio
import random
from typing import NamedTuple

from benchmarks.contenders import ALL, EAGER_STOCK, STOCK, Contender, crew
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of, percentile

_MANY = 500  # in flight: from here on stock arq takes most of a second, however often it polls


class Row(NamedTuple):
    """One queue with this many jobs in flight."""

    queue: str
    jobs_in_flight: int
    samples: int
    p50_ms: float
    p99_ms: float
    times_faster_than_stock: float | None


async def measure(*, quick: bool = False) -> Table:
    """Alternate between the queues, twice for each number of jobs in flight."""
    rows: list[Row] = []
    for in_flight in (0, 100) if quick else (0, 10, 100, 500, 2_000):
        taken: dict[Contender, list[float]] = {contender: [] for contender in ALL}
        for _ in range(1 if quick else 2):
            for contender in ALL:
                taken[contender] += await _samples(contender, in_flight, _count(contender, in_flight, quick=quick))
        stock = median(taken[STOCK])
        rows += [_row(contender, in_flight, taken[contender], stock) for contender in ALL]
    return Table("Pickup latency", note_of(__doc__), rows)


def _count(contender: Contender, in_flight: int, *, quick: bool) -> int:
    slow = contender is STOCK or (contender is EAGER_STOCK and in_flight >= _MANY)
    count = 20 if slow else 250
    return count // 5 if quick else count


def _row(contender: Contender, in_flight: int, taken: list[float], stock: float) -> Row:
    ratio = None if contender is STOCK else stock / median(taken)
    return Row(contender.name, in_flight, len(taken), median(taken), percentile(taken, 99), ratio)


async def _samples(contender: Contender, in_flight: int, count: int) -> list[float]:
    pause_s = 0.5 if contender is STOCK else 0.03
    async with (
        valkey() as url,
        connected(url) as client,
        crew(contender, client, url, "pickup", max_jobs=in_flight + 50) as its,
    ):
        before = len(its.started)
        await asyncio.gather(*(its.enqueue(f"hold:{at}", "hold") for at in range(in_flight)))
        await its.until(lambda: len(its.started) == before + in_flight)
        await asyncio.sleep(1)
        taken: list[float] = []
        for at in range(count):
            await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - no secret
            taken.append(await its.pickup_ms(f"sample:{at}"))
        return taken
