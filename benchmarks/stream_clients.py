"""A process with so many streams open, each of a job of its own; run by `benchmarks.streams`.

Prints a line once each stream has begun, and then one for every event: when it came, on the clock that all processes
share.
"""

import asyncio
import sys
import time

import uvloop

from benchmarks.hub_waiters import job_id

_AT_ONCE = 50


async def listen(port: int, streams: int) -> None:
    """Listen until the process is ended."""
    entrance = asyncio.Semaphore(_AT_ONCE)
    begun = [asyncio.Event() for _ in range(streams)]
    tasks = [asyncio.create_task(_listen(port, at, entrance, begun[at])) for at in range(streams)]
    for each in begun:
        await each.wait()
    print("begun", flush=True)
    await asyncio.gather(*tasks)


async def _listen(port: int, at: int, entrance: asyncio.Semaphore, begun: asyncio.Event) -> None:
    async with entrance:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /reports/{job_id(at)}/events HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        await reader.readuntil(b"event: snapshot\n")
    begun.set()
    while True:
        await reader.readuntil(b"event: status\n")
        print(time.monotonic(), flush=True)


if __name__ == "__main__":
    uvloop.run(listen(int(sys.argv[1]), int(sys.argv[2])))
