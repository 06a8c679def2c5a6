"""A worker for the queue's benchmarks: `python -m benchmarks.queue_worker OPTIONS`, as JSON.

For every job that starts it prints the job's id and the monotonic clock's nanoseconds, which on Linux is one clock for
all processes.
"""

import asyncio
import os
import sys
import time
from typing import Any

import msgspec
import uvloop
from arq import Worker
from arq.connections import RedisSettings

from aether.leased_queue import LeasedWorker, serializer

ONE_HOUR_S = 3_600


class Options(msgspec.Struct, frozen=True):
    """Which worker to run, and where; `poll_delay` is that of stock arq."""

    url: str
    queue: str
    max_jobs: int = 100
    leased: bool = True
    poll_delay: float = 0.5


async def noop(ctx: dict[str, Any]) -> None:
    """Say that it runs."""
    os.write(1, f"{ctx['job_id']} {time.monotonic_ns()}\n".encode())


async def hold(ctx: dict[str, Any]) -> None:
    """Say that it runs, and run on."""
    await noop(ctx)
    await asyncio.sleep(ONE_HOUR_S)


async def main(options: Options) -> None:
    """Work until a signal."""
    common: dict[str, Any] = {
        "redis_settings": RedisSettings.from_dsn(options.url),
        "queue_name": options.queue,
        "max_jobs": options.max_jobs,
        "job_timeout": ONE_HOUR_S,
        "keep_result": 0,
        "log_results": False,
        "job_serializer": serializer.encode,
        "job_deserializer": serializer.decode,
    }
    worker: Worker
    if options.leased:
        worker = LeasedWorker([noop, hold], **common)
    else:
        worker = Worker([noop, hold], **common, poll_delay=options.poll_delay)
    await worker.async_run()


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Options)))
