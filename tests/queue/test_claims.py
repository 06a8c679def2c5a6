import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.jobs import Job, JobStatus

from aether.leased_queue import LeasedWorker, create_worker, enqueue, payload_for, withdraw
from aether.leased_queue.serializer import decode
from tests.queue.behaviours import check_an_idle_worker_is_woken, named_work
from tests.queue.conftest import BEAT_S, NO_POLLING_S, QUEUE, Launch
from tests.queue.valkey import Valkey
from tests.waiting import PATIENCE_S, eventually

Context = dict[Any, Any]  # arq's


class Log:
    """What ran, in order."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.starts: list[str] = []
        self.seconds = seconds

    async def work(self, ctx: Context) -> None:
        self.starts.append(ctx["job_id"])
        await asyncio.sleep(self.seconds)


async def put(client: ArqRedis, job_id: str, delay_ms: int = 0) -> bool:
    return await enqueue(client, QUEUE, job_id, payload_for("Log.work"), delay_ms=delay_ms)


async def test_an_idle_worker_is_woken(client: ArqRedis, launch: Launch) -> None:
    await check_an_idle_worker_is_woken(client, launch)


async def test_a_producer_that_uses_plain_arq_is_served(client: ArqRedis, launch: Launch) -> None:
    log = Log()
    await launch(log.work, poll_delay=0.2)
    await client.enqueue_job("Log.work", _job_id="a")
    await eventually(lambda: log.starts == ["a"])


async def test_a_deferred_job_starts_when_it_is_due(client: ArqRedis, launch: Launch) -> None:
    log = Log()
    await launch(log.work, poll_delay=NO_POLLING_S)
    began = time.monotonic()
    await put(client, "a", delay_ms=400)
    await eventually(lambda: log.starts == ["a"])
    assert time.monotonic() - began >= 0.39


async def test_two_workers_share_the_work_and_each_job_runs_once(client: ArqRedis, launch: Launch) -> None:
    log = Log(0.05)
    workers = [await launch(log.work, max_jobs=10) for _ in range(2)]
    for n in range(100):
        await put(client, str(n))
    await eventually(lambda: sum(worker.counts.finished for worker in workers) == 100)
    assert Counter(log.starts) == Counter(map(str, range(100)))
    assert min(worker.counts.finished for worker in workers) > 10


async def test_simultaneous_enqueues_of_one_id_make_one_job(client: ArqRedis, launch: Launch) -> None:
    log = Log(0.3)
    await launch(log.work, max_jobs=100)
    for job_id in map(str, range(50)):
        accepted = await asyncio.gather(*(put(client, job_id) for _ in range(100)))
        assert sum(accepted) == 1
    await eventually(lambda: len(log.starts) == 50)
    assert Counter(log.starts) == Counter(map(str, range(50)))


async def test_arqs_status_and_abort_work(client: ArqRedis, launch: Launch) -> None:
    log = Log(30)
    worker = await launch(log.work, allow_abort_jobs=True, max_jobs=1)
    await put(client, "a")
    await put(client, "b")
    await put(client, "c", delay_ms=60_000)
    await eventually(lambda: log.starts == ["a"])
    statuses = [await Job(job_id, client).status() for job_id in "abcd"]
    expected = [JobStatus.in_progress, JobStatus.queued, JobStatus.deferred, JobStatus.not_found]
    assert expected == statuses
    await Job("a", client, _deserializer=decode).abort(timeout=PATIENCE_S, poll_delay=0.05)
    await eventually(lambda: log.starts == ["a", "b"])
    assert worker.jobs_failed == 1
    assert await Job("a", client).status() is JobStatus.not_found


async def test_a_withdrawn_job_is_cancelled_where_it_runs(client: ArqRedis, launch: Launch) -> None:
    log = Log(30)
    worker = await launch(log.work)
    await put(client, "a")
    await eventually(lambda: log.starts == ["a"])
    await withdraw(client, QUEUE, "a")
    await eventually(lambda: not worker.tasks)
    assert (worker.counts.lost, await client.zcard(QUEUE), worker.counts.restored) == (1, 0, 0)


async def test_a_job_that_is_withdrawn_and_enqueued_again_runs_once_at_a_time(client: ArqRedis, launch: Launch) -> None:
    runs: list[str] = []
    unwound = asyncio.Event()

    async def work(_: Context) -> None:
        runs.append("begun")
        try:
            await asyncio.sleep(30 if len(runs) == 1 else 0)
        finally:
            await unwound.wait()
            runs.append("ended")

    worker = await launch(named_work(work))
    for claimed in (1, 2, 3):
        await enqueue(client, QUEUE, "a", payload_for("work"))
        await eventually(lambda: worker.counts.claimed == claimed)  # noqa: B023 - awaited before the next round
        if claimed < 3:
            await eventually(lambda: runs == ["begun"])
            await withdraw(client, QUEUE, "a")
            await eventually(lambda: worker.counts.lost == claimed)  # noqa: B023 - as above
    await asyncio.sleep(BEAT_S)
    unwound.set()
    await eventually(lambda: worker.counts.finished == 1)
    assert runs == ["begun", "ended", "begun", "ended"]


async def test_an_idle_worker_sends_few_commands(client: ArqRedis, launch: Launch) -> None:
    await launch(Log().work, lease=timedelta(seconds=4), heartbeat_interval=timedelta(seconds=1))
    await asyncio.sleep(0.5)
    begun, before = time.monotonic(), (await client.info())["total_commands_processed"]
    await asyncio.sleep(2)
    commands = (await client.info())["total_commands_processed"] - before
    assert commands / (time.monotonic() - begun) <= 12


async def test_a_worker_is_created_from_a_class_of_attributes(valkey: Valkey) -> None:
    class Settings:
        functions = (Log().work,)
        redis_settings = valkey.settings
        lease = timedelta(seconds=2)
        handle_signals = False
        max_jobs = 3

    worker = create_worker(dict(vars(Settings)), max_jobs=4)
    assert (type(worker), worker.max_jobs, worker._lease_s) == (LeasedWorker, 4, 2.0)
    await worker.close()


async def test_a_connection_class_without_a_synchronous_counterpart_is_refused(valkey: Valkey) -> None:
    pool = valkey.client()

    class Strange(pool.connection_pool.connection_class):  # type: ignore[misc, name-defined]
        pass

    pool.connection_pool.connection_class = Strange
    worker = LeasedWorker([Log().work], redis_pool=pool, handle_signals=False)
    with pytest.raises(TypeError, match="no blocking twin"):
        await worker.main()
    await worker.close()
