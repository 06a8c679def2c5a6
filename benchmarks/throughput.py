"""Throughput of empty jobs: how many run per second, with room for 100 at once in each worker process.

All jobs become due at the same moment, while the workers are waiting. The time is measured from the first start to the
last.
"""

from asyncio import gather
from time import monotonic
from typing import NamedTuple

from benchmarks.contenders import ALL, EAGER_STOCK, STOCK, Contender, crew
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of

_ENQUEUEING_S = 0.001


class Row(NamedTuple):
    """One queue with this many workers."""

    queue: str
    workers: int
    jobs_per_s: float
    slowest_per_s: float
    fastest_per_s: float
    vs_best_stock: float | None


async def measure(*, quick: bool = False) -> Table:
    """Alternate between the queues, five rounds for each number of workers."""
    rows: list[Row] = []
    jobs, rounds = (1_500, 1) if quick else (3_000, 5)
    for workers in (1, 2):
        rates: dict[Contender, list[float]] = {contender: [] for contender in ALL}
        for _ in range(rounds):
            for contender in ALL:
                rates[contender].append(await _rate(contender, workers, jobs))
        best = max(median(rates[STOCK]), median(rates[EAGER_STOCK]))
        for contender, its in rates.items():
            ratio = median(its) / best if contender.poll_delay is None else None
            rows.append(Row(contender.name, workers, median(its), min(its), max(its), ratio))
    return Table("Throughput of empty jobs", note_of(__doc__), rows)


async def _rate(contender: Contender, workers: int, jobs: int) -> float:
    async with (
        valkey() as url,
        connected(url) as client,
        crew(contender, client, url, "throughput", workers=workers) as its,
    ):
        before = len(its.started)
        due = monotonic() + 1 + jobs * _ENQUEUEING_S
        for first in range(0, jobs, 200):
            batch = (its.enqueue(f"job:{at}", delay_s=due - monotonic()) for at in range(first, min(first + 200, jobs)))
            await gather(*batch)
        await its.until(lambda: len(its.started) == before + jobs)
        starts = [at for job_id, at in its.started.items() if job_id.startswith("job:")]
        return (jobs - 1) / (max(starts) - min(starts)) * 1e9
