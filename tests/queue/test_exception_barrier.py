import asyncio
from typing import Any

import pytest
from arq.connections import ArqRedis

from aether.leased_queue import enqueue, payload_for
from tests.queue.conftest import QUEUE, Launch
from tests.waiting import eventually

Context = dict[Any, Any]  # arq's


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, ValueError, asyncio.CancelledError])
async def test_no_exception_of_a_job_ends_the_worker(
    client: ArqRedis, launch: Launch, error: type[BaseException]
) -> None:
    ran: list[str] = []

    async def work(ctx: Context) -> None:
        ran.append(ctx["job_id"])
        if len(ran) == 1:
            raise error

    worker = await launch(work)
    await enqueue(client, QUEUE, "a", payload_for(work.__qualname__))
    await eventually(lambda: "a" in ran)
    await enqueue(client, QUEUE, "b", payload_for(work.__qualname__))
    await eventually(lambda: worker.jobs_complete >= 1 and "b" in ran)


@pytest.mark.parametrize("hook", ["on_job_start", "on_job_end", "after_job_end"])
async def test_no_exception_of_a_hook_ends_the_worker(client: ArqRedis, launch: Launch, hook: str) -> None:
    calls: list[str] = []

    async def work(_: Context) -> None:
        calls.append("work")

    async def broken(_: Context) -> None:
        calls.append(hook)
        if len(calls) <= 2:
            raise ValueError

    hooks: dict[str, Any] = {hook: broken}
    worker = await launch(work, **hooks)
    await enqueue(client, QUEUE, "a", payload_for(work.__qualname__))
    await eventually(lambda: worker.counts.finished == 1)
    assert calls.count("work") == 1


async def test_a_job_that_cannot_be_run_leaves_the_queue(client: ArqRedis, launch: Launch) -> None:
    async def work(_: Context) -> None: ...

    worker = await launch(work)
    await enqueue(client, QUEUE, "unknown", payload_for("nobody"))
    await enqueue(client, QUEUE, "garbled", b"\xc1")
    await eventually(lambda: worker.jobs_failed == 2)
    await eventually(lambda: worker.counts.finished == 2)
    assert await client.keys("arq:job:*") == []
