"""Stack of `benchmarks.peers`: a service for reports with its worker and its Redis, and what work on it takes."""

import asyncio
from collections.abc import Coroutine, Sequence
from time import monotonic
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from benchmarks.api import write_request
from benchmarks.api_load import open_connections, send_requests
from benchmarks.processes import Child

_TOPIC = "The Roman Empire"
POST = ("POST", "/reports", msgspec.json.encode({"topic": _TOPIC}).decode())


class Used(NamedTuple):
    """What some work took: its rate, and for each request or report the CPU and the commands."""

    per_s: float
    cpu_ms: float
    redis_cpu_ms: float
    redis_commands: float


class Stack:
    """One stack; `processes` are its API, which listens on `port`, and its worker, if it runs."""

    def __init__(self, redis: Redis, processes: Sequence[Child], port: int, secret: str) -> None:
        self._redis = redis
        self._processes = processes
        self._port = port
        self._secret = secret

    async def requests(self, count: int, connections: int, status: int, request: Sequence[str]) -> Used:
        """Send a request again and again over some connections at once."""
        opened = await open_connections(self._port, connections)
        work = send_requests(opened, count, str(status), self._written(*request))
        used = await self._measure(work, count, self._processes[:1])
        for connection in opened:
            connection.close()
        return used

    async def reports(self, count: int, at_once: int) -> Used:
        """Submit reports, and poll each until it is completed."""
        turns = asyncio.Semaphore(at_once)

        async def take_turn() -> None:
            async with turns:
                await self.report()

        return await self._measure(_all(take_turn() for _ in range(count)), count, self._processes)

    async def report(self, topic: str = _TOPIC, progress: float | None = None) -> str:
        """Submit a report, wait until it has come so far or is completed, and return its id."""
        submitted = await self._ask("POST", "/reports", msgspec.json.encode({"topic": topic}).decode())
        job_id: str = submitted["jobId"]
        while True:
            job = await self._ask("GET", f"/reports/{job_id}")
            if job["status"] == "completed" or (progress is not None and job["progress"] >= progress):
                return job_id
            if job["status"] == "failed":
                raise RuntimeError(job)
            await asyncio.sleep(0.02)

    def _written(self, method: str, path: str, body: str = "") -> bytes:
        return write_request(self._secret, method, path, body=body).encode()

    async def _ask(self, *request: str) -> dict[str, Any]:  # Any: JSON
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(self._written(*request))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
            answer: dict[str, Any] = msgspec.json.decode(await reader.readexactly(length))
            return answer
        finally:
            writer.close()

    async def _measure(self, work: Coroutine[Any, Any, None], count: int, processes: Sequence[Child]) -> Used:
        before = await self._used(processes)
        begun = monotonic()
        await work
        seconds = monotonic() - begun
        cpu_s, redis_cpu_s, commands = (b - a for a, b in zip(before, await self._used(processes), strict=True))
        return Used(count / seconds, cpu_s / count * 1000, redis_cpu_s / count * 1000, commands / count)

    async def _used(self, processes: Sequence[Child]) -> tuple[float, float, float]:
        """Return the CPU seconds of the processes and of the server's main thread, and the commands that it has run."""
        cpu, commands = await self._redis.info("cpu"), await self._redis.info("commandstats")
        redis_s = cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]
        run = sum(each["calls"] for name, each in commands.items() if name != "cmdstat_info")
        return sum(each.cpu_s() for each in processes), redis_s, run


async def _all(work: Any) -> None:  # Any: an iterable of coroutines, as asyncio has it
    await asyncio.gather(*work)
