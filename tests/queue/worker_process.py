"""Worker process of the tests: `python -m tests.queue.worker_process SOCKET OPTIONS`, options in seconds as JSON.

With the option `host` it seems to run on another machine.

It logs to the list `log`: `start:<job id>:<attempt>` and `end:<job id>`; dead letters are in the list `dead_letters`.
"""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import timedelta
from typing import Any

from arq.connections import RedisSettings

from aether.leased_queue import LeasedWorker

Context = dict[Any, Any]  # arq's


async def work(ctx: Context, seconds: float = 0.0) -> None:
    await ctx["redis"].rpush("log", f"start:{ctx['job_id']}:{ctx['job_try']}")
    await asyncio.sleep(seconds)
    await ctx["redis"].rpush("log", f"end:{ctx['job_id']}")


async def block(ctx: Context, seconds: float) -> None:
    await ctx["redis"].rpush("log", f"start:{ctx['job_id']}:{ctx['job_try']}")
    time.sleep(seconds)  # noqa: ASYNC251 - the fault under test


async def poison(ctx: Context) -> None:
    await ctx["redis"].rpush("log", f"start:{ctx['job_id']}:{ctx['job_try']}")
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    socket, options = sys.argv[1], json.loads(sys.argv[2])
    host = options.pop("host", None)
    durations: dict[str, Any] = {name: timedelta(seconds=value) for name, value in options.items()}
    asyncio.set_event_loop(asyncio.new_event_loop())

    async def on_dead_letter(job_id: str, reason: str) -> None:
        await worker.pool.rpush("dead_letters", f"{job_id}:{reason}")  # type: ignore[misc]

    worker = LeasedWorker(
        [work, block, poison],
        redis_settings=RedisSettings(unix_socket_path=socket),
        keep_result=0,
        max_tries=50,
        max_jobs=50,
        on_dead_letter=on_dead_letter,
        **durations,
    )
    if host is not None:
        worker.worker_id = f"{host}:{os.getpid()}:0"
    worker.run()


if __name__ == "__main__":
    main()
