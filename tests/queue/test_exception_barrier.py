import asyncio
from typing import Any

import pytest
from arq import Retry
from arq.connections import ArqRedis
from arq.cron import cron

from aether.leased_queue import LeasedWorker, enqueue, payload_for
from tests.queue.behaviours import named_work
from tests.queue.conftest import QUEUE, Launch
from tests.queue.valkey import Valkey
from tests.waiting import eventually

Context = dict[Any, Any]  # arq's


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, ValueError, asyncio.CancelledError])
async def test_the_worker_outlives_whatever_a_job_raises(
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
async def test_the_worker_outlives_a_broken_hook(client: ArqRedis, launch: Launch, hook: str) -> None:
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


async def test_a_retry_waits_as_long_as_it_asked(client: ArqRedis, launch: Launch) -> None:
    starts: list[float] = []

    async def work(ctx: Context) -> None:
        starts.append(asyncio.get_running_loop().time())
        if ctx["job_try"] == 1:
            raise Retry(defer=0.5)

    await launch(work)
    await enqueue(client, QUEUE, "a", payload_for(work.__qualname__))
    await eventually(lambda: len(starts) == 2)
    assert 0.48 <= starts[1] - starts[0] < 1


async def test_cron_jobs_run_once_for_all_workers(launch: Launch) -> None:
    runs: list[str] = []

    async def tick(ctx: Context) -> None:
        runs.append(ctx["job_id"])

    for _ in range(2):
        await launch(cron_jobs=[cron(tick, second=set(range(60)), unique=True)])
    await eventually(lambda: len(runs) >= 2)
    assert len(runs) == len(set(runs))


async def test_a_job_that_cannot_be_run_leaves_the_queue(client: ArqRedis, launch: Launch) -> None:
    async def work(_: Context) -> None: ...

    worker = await launch(work)
    await enqueue(client, QUEUE, "unknown", payload_for("nobody"))
    await enqueue(client, QUEUE, "garbled", b"\xc1")
    await eventually(lambda: worker.jobs_failed == 2)
    await eventually(lambda: worker.counts.finished == 2)
    assert await client.keys("arq:job:*") == []


async def test_a_result_is_kept_where_it_is_asked_for(client: ArqRedis, launch: Launch) -> None:
    async def work(_: Context) -> int:
        return 42

    await launch(work, keep_result=60)
    job = await client.enqueue_job(work.__qualname__)
    assert job is not None
    assert await job.result(timeout=5, poll_delay=0.02) == 42


async def test_a_burst_ends_with_the_queue(client: ArqRedis, valkey: Valkey) -> None:
    async def work(_: Context) -> None: ...

    for job_id in "abc":
        await enqueue(client, QUEUE, job_id, payload_for("work"))
    for most, left in [(2, 1), (-1, 0)]:
        worker = LeasedWorker(
            [named_work(work)],
            redis_settings=valkey.settings,
            handle_signals=False,
            burst=True,
            max_burst_jobs=most,
            keep_result=0,
        )
        await worker.main()
        await worker.close()
        assert await client.zcard(QUEUE) == left
