"""Scripts of the queue: the commands that each one sends, and its time in Valkey, as `INFO commandstats` counts them.

A claim or an acknowledgement is for 10 jobs, a heartbeat for 50 leases. Times are medians over the rounds.
"""

from collections.abc import Coroutine
from typing import Any, NamedTuple

from redis.asyncio import Redis

from aether.leased_queue import enqueue, payload_for
from aether.leased_queue.scripts import Argument, QueueScripts
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of

_QUEUE, _WORKER, _LEASE_MS = "scripts", "worker", 600_000
_JOBS, _JOBS_PER_CALL, _LEASES = 4_000, 10, 50
_SCRIPTS = QueueScripts()
_PAYLOAD = payload_for("noop")
Entry = list[Any]  # of the claim script's reply


class Row(NamedTuple):
    """One script."""

    script: str
    commands_per_call: float
    microseconds_per_call: float


class Cost(NamedTuple):
    """What one script cost in one round."""

    commands: float
    microseconds: float


async def measure(*, quick: bool = False) -> Table:
    """Pass jobs through the queue, for several rounds."""
    costs: dict[str, list[Cost]] = {}
    async with valkey() as url, connected(url) as client:
        for _ in range(3 if quick else 15):
            await _round(client, costs)
    rows = [Row(name, its[-1].commands, median([cost.microseconds for cost in its[1:]])) for name, its in costs.items()]
    return Table("Queue scripts", note_of(__doc__), rows)


async def _round(client: Redis, costs: dict[str, list[Cost]]) -> None:
    await client.flushdb()
    claimed: list[Entry] = []
    phases = {
        "enqueue": _enqueue(client),
        "claim": _claim(client, claimed),
        "heartbeat": _extend(client, claimed),
        "acknowledge": _acknowledge(client, claimed),
    }
    for name, phase in phases.items():
        costs.setdefault(name, []).append(await _cost(client, phase))


async def _cost(client: Redis, phase: Coroutine[Any, Any, None]) -> Cost:
    await client.config_resetstat()
    await phase
    stats: dict[str, dict[str, Any]] = await client.info("commandstats")
    scripts = stats.pop("cmdstat_evalsha")
    inner = sum(its["calls"] for name, its in stats.items() if not name.startswith(("cmdstat_config", "cmdstat_info")))
    return Cost(inner / scripts["calls"], scripts["usec_per_call"])


async def _enqueue(client: Redis) -> None:
    for n in range(_JOBS):
        await enqueue(client, _QUEUE, f"{n:06}", _PAYLOAD, flow=f"owner{n % 7}")


async def _claim(client: Redis, claimed: list[Entry]) -> None:
    arguments: list[Argument] = [_QUEUE, _WORKER, _JOBS_PER_CALL, _LEASE_MS, 0, 1, 50]
    for _ in range(_JOBS // _JOBS_PER_CALL):
        claimed += (await _SCRIPTS.claim.run(client, arguments))[1:]


async def _extend(client: Redis, claimed: list[Entry]) -> None:
    arguments: list[Argument] = [_QUEUE, _WORKER, _LEASE_MS, 0, 0, ""]
    for job_id, token, *_ in claimed[:_LEASES]:
        arguments += (job_id, token)
    for _ in range(200):
        await _SCRIPTS.extend.run(client, arguments)


async def _acknowledge(client: Redis, claimed: list[Entry]) -> None:
    for start in range(0, _JOBS, _JOBS_PER_CALL):
        arguments: list[Argument] = [_QUEUE, _LEASE_MS]
        for job_id, token, score, *_ in claimed[start : start + _JOBS_PER_CALL]:
            arguments += ("finish", job_id, token, score, 0, b"", 0)
        await _SCRIPTS.ack.run(client, arguments)
