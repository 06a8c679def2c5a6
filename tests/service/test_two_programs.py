"""Two programs with arq on one Redis: each has a queue of its own, and does all of its own jobs and no other."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx2
import pytest
from arq.connections import ArqRedis, RedisSettings, create_pool

from aether.adapters.redis.keys import FORMER_QUEUE
from aether.leased_queue import enqueue, payload_for
from tests.scripted_model import Setup
from tests.service.stack import ARQ_WORKER, QUEUE, WORKER, Stack
from tests.waiting import until

OTHER_WORKER = [sys.executable, "-m", "arq", "tests.service.other_program.WorkerSettings"]
JOBS = 20


@asynccontextmanager
async def other_program(stack: Stack) -> AsyncIterator[ArqRedis]:
    """The client of a program that uses arq with its defaults, on the queue `arq:queue`."""
    pool = await create_pool(RedisSettings.from_dsn(stack.valkey.url))
    yield pool
    await pool.aclose(close_connection_pool=True)


async def send_mails(stack: Stack) -> None:
    async with other_program(stack) as arq:
        for number in range(JOBS):
            await arq.enqueue_job("send_mail", number)


def mails(stack: Stack) -> list[int]:
    return sorted(map(int, stack.valkey.client.lrange("mails", 0, -1)))


@pytest.fixture
def bare(bare: Stack) -> Stack:
    bare.valkey.client.delete("mails", FORMER_QUEUE, QUEUE)
    bare.model.use([], Setup(sections=1))
    return bare


async def test_jobs_wait_for_their_own_program(bare: Stack) -> None:
    """Each worker is alone with all jobs for a while."""
    job_ids = [bare.submit(f"The Canals of Rome {number}") for number in range(JOBS)]
    await send_mails(bare)

    other = bare.start_worker(OTHER_WORKER)
    until(lambda: mails(bare) == list(range(JOBS)))
    assert {bare.get(job_id)["status"] for job_id in job_ids} == {"pending"}
    other.end()

    await send_mails(bare)
    bare.start_worker()
    for job_id in job_ids:
        bare.when(job_id, "completed")
    assert bare.valkey.client.zcard(FORMER_QUEUE) == JOBS
    assert bare.valkey.client.zcard(QUEUE) == 0

    bare.start_worker(OTHER_WORKER)
    until(lambda: mails(bare) == sorted([*range(JOBS), *range(JOBS)]))


@pytest.mark.parametrize("worker", [WORKER, ARQ_WORKER], ids=["leased", "arq"])
async def test_two_programs_work_side_by_side(bare: Stack, worker: list[str]) -> None:
    bare.start_worker(OTHER_WORKER)
    bare.start_worker(worker)

    job_ids = [bare.submit(f"The Canals of Venice {number}") for number in range(JOBS)]
    await send_mails(bare)

    for job_id in job_ids:
        bare.when(job_id, "completed")
    until(lambda: mails(bare) == list(range(JOBS)))
    until(lambda: bare.valkey.client.exists(FORMER_QUEUE, QUEUE) == 0)


async def test_what_others_put_into_our_queue_is_logged_and_dropped(bare: Stack) -> None:
    """A function that is not ours, a pickled payload, a job without a record, and an entry without a payload."""
    unknown = [str(uuid4()) for _ in range(4)]
    async with other_program(bare) as arq:
        await enqueue(arq, QUEUE, unknown[0], payload_for("send_mail"))
        await arq.enqueue_job("perform", _job_id=unknown[1], _queue_name=QUEUE)
        await enqueue(arq, QUEUE, unknown[2], payload_for("perform"))
        await arq.zadd(QUEUE, {unknown[3]: 1})
    worker = bare.start_worker()

    bare.when(bare.submit("The Canals of Bruges"), "completed")
    until(lambda: bare.valkey.client.zcard(QUEUE) == 0)

    log = worker.log.read_text()
    assert worker.running
    assert "function 'send_mail' not found" in log
    assert f"deserializing job {unknown[1]} failed" in log
    assert "job.not_to_be_run" in log
    assert f"job {unknown[3]} expired" in log
    assert [job_id for job_id in unknown if job_id not in log] == []


def test_api_and_workers_share_the_queue_of_the_setting(bare: Stack) -> None:
    bare.start_worker()
    with bare.another_api(AETHER_QUEUE="reports:eu") as url, httpx2.Client(base_url=url) as http:
        job_id = http.post("/reports", json={"topic": "The Canals of Ghent"}).json()["jobId"]
        bare.when(bare.submit("The Canals of Leiden"), "completed")
        assert bare.valkey.client.zrange("reports:eu", 0, -1) == [job_id.encode()]

        bare.start_worker(AETHER_QUEUE="reports:eu")
        bare.when(job_id, "completed")
        until(lambda: bare.valkey.client.exists("reports:eu") == 0)
