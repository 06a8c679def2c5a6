"""Idle worker: its Redis commands and its CPU time, measured from outside.

The commands are those that its server counts, including the commands inside scripts. Each worker has a server of its
own, and all of them are idle at the same time.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import NamedTuple

from arq.connections import ArqRedis

from benchmarks.contenders import ALL, Contender, crew
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, note_of


class Row(NamedTuple):
    """One queue."""

    queue: str
    commands_per_s: float
    cpu_percent_of_a_core: float
    rss_mb: float


async def measure(*, quick: bool = False) -> Table:
    """Watch all of them for a while."""
    seconds = 5.0 if quick else 20.0
    rows = await asyncio.gather(*(_watch(contender, seconds) for contender in ALL))
    return Table("An idle worker", note_of(__doc__), rows)


async def _watch(contender: Contender, seconds: float) -> Row:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(valkey())
        client = await stack.enter_async_context(connected(url))
        its = await stack.enter_async_context(crew(contender, client, url, "idle"))
        await asyncio.sleep(2)
        worker = its.workers[0]
        commands, cpu_s = await _commands(client), worker.cpu_s()
        await asyncio.sleep(seconds)
        own = 1  # the count does not contain the question itself, but the one before
        spent = await _commands(client) - commands - own
        return Row(contender.name, spent / seconds, (worker.cpu_s() - cpu_s) / seconds * 100, worker.rss_mb())


async def _commands(client: ArqRedis) -> int:
    return int((await client.info("stats"))["total_commands_processed"])
