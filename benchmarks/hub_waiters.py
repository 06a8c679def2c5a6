"""A process in which so many wait for a change, each of a job of its own; run by `benchmarks.hub`.

Prints how much memory each takes in bytes, once all are subscribed, and then a line for every change: when it was told,
on the clock that all processes share.
"""

import asyncio
import gc
import sys
import time
from pathlib import Path

import uvloop

from aether.adapters.redis.hub import RedisHub
from benchmarks.stores import connected

_PAGE = 4096
_LONG_S = 300.0


def job_id(at: int) -> str:
    """Return an id as long as that of any job."""
    return f"{at:08}-6a1e-4b8f-9a59-4d8d1d8ff9a0"


async def wait_for_changes(url: str, waiters: int) -> None:
    """Wait until the process is ended."""
    async with connected(url) as client, RedisHub(client) as hub:
        await hub.wait_for_change("none", 1, _LONG_S)  # 0 at once: what everything needs is loaded and connected
        before = _rss()
        tasks = [asyncio.create_task(_wait(hub, job_id(at))) for at in range(waiters)]
        while len(await client.pubsub_channels()) < waiters:  # noqa: ASYNC110 - the server does not announce it
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        print((_rss() - before) // waiters, flush=True)
        await asyncio.gather(*tasks)


async def _wait(hub: RedisHub, job: str) -> None:
    version = await hub.wait_for_change(job, 0, _LONG_S) or 0
    while True:
        version = await hub.wait_for_change(job, version, _LONG_S) or version
        print(time.monotonic(), flush=True)


def _rss() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


if __name__ == "__main__":
    uvloop.run(wait_for_changes(sys.argv[1], int(sys.argv[2])))
