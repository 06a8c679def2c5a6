import asyncio
from typing import Any

from arq import Retry
from arq.connections import ArqRedis
from arq.cron import cron

from aether.leased_queue import LeasedWorker, enqueue, payload_for
from tests.queue.behaviours import named_work
from tests.queue.conftest import NO_POLLING_S, QUEUE, Launch
from tests.queue.valkey import Valkey
from tests.waiting import PATIENCE_S, eventually

Context = dict[Any, Any]  # arq's


async def test_a_retry_waits_as_long_as_the_job_asked(client: ArqRedis, launch: Launch) -> None:
    starts: list[float] = []

    async def work(ctx: Context) -> None:
        starts.append(asyncio.get_running_loop().time())
        if ctx["job_try"] == 1:
            raise Retry(defer=0.5)

    await launch(work, poll_delay=NO_POLLING_S)
    await enqueue(client, QUEUE, "a", payload_for(work.__qualname__))
    await eventually(lambda: len(starts) == 2)
    assert starts[1] - starts[0] >= 0.48


async def test_cron_jobs_run_once_for_all_workers(launch: Launch) -> None:
    runs: list[str] = []

    async def tick(ctx: Context) -> None:
        runs.append(ctx["job_id"])

    for _ in range(2):
        await launch(cron_jobs=[cron(tick, second=set(range(60)), unique=True)])
    await eventually(lambda: len(runs) >= 2)
    assert len(runs) == len(set(runs))


async def test_a_result_is_kept_if_the_worker_keeps_results(client: ArqRedis, launch: Launch) -> None:
    async def work(_: Context) -> int:
        return 42

    await launch(work, keep_result=60)
    job = await client.enqueue_job(work.__qualname__)
    assert job is not None
    assert await job.result(timeout=PATIENCE_S, poll_delay=0.02) == 42


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
