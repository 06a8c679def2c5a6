"""The queue of an earlier version: its jobs are run while a release is rolled out, and after it was rolled back."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from redis.asyncio import Redis

from aether.adapters.redis.keys import FORMER_QUEUE
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.access import LOCAL
from aether.domain.job import Kind
from aether.domain.report_request import ReportRequest
from aether.durable.ports import NewJob
from tests.scripted_model import Hang, Rule, Setup
from tests.service.stack import QUEUE, Stack
from tests.waiting import until

FORMER_WORKER = [sys.executable, "-m", "tests.service.former_version"]
LATER_MS = 3_000
GUIDE = Path(__file__).parents[2] / "docs" / "rolling-deployment.md"


@asynccontextmanager
async def earlier_api(stack: Stack) -> AsyncIterator[RedisJobStore]:
    async with Redis.from_url(stack.valkey.url) as client:
        yield RedisJobStore(client, QueueSettings(FORMER_QUEUE, "perform", 1_000), timedelta(hours=1))


async def _submit(stack: Stack, topic: str) -> str:
    request = msgspec.json.encode(ReportRequest(topic))
    async with earlier_api(stack) as store:
        return await store.create(NewJob(str(uuid4()), Kind.REPORT, LOCAL, request))


def submit(stack: Stack, topic: str = "The Optical Telegraph") -> str:
    """Submit a report as the API of an earlier version does."""
    return asyncio.run(_submit(stack, topic))


@pytest.fixture
def bare(bare: Stack) -> Stack:
    bare.valkey.client.delete(FORMER_QUEUE, QUEUE)
    bare.model.use([], Setup(sections=1))
    return bare


def both_are_empty(stack: Stack) -> bool:
    return bool(stack.valkey.client.exists(FORMER_QUEUE, QUEUE) == 0)


@pytest.mark.parametrize("at", ["before the worker starts", "while it runs"])
def test_a_waiting_job_is_run(bare: Stack, at: str) -> None:
    early = submit(bare) if at == "before the worker starts" else None
    bare.ready(bare.start_worker())

    bare.when(early or submit(bare), "completed")

    until(lambda: both_are_empty(bare))


def test_a_deferred_job_is_run_when_it_is_due(bare: Stack) -> None:
    job_id = submit(bare)
    seconds, _ = bare.valkey.client.time()
    bare.valkey.client.zadd(FORMER_QUEUE, {job_id: (seconds * 1000) + LATER_MS})
    bare.start_worker()

    until(lambda: bare.valkey.client.zscore(QUEUE, job_id))
    assert bare.get(job_id)["status"] == "pending"
    bare.when(job_id, "completed")
    assert bare.valkey.client.time()[0] >= seconds + LATER_MS // 1000


def held_by_an_earlier_worker(stack: Stack) -> str:
    """Submit a report, and return its id when an earlier worker, which can run no other, waits for the model."""
    stack.model.use([Rule(kind="section", nth=1, do=Hang())], Setup(sections=1))
    stack.start_worker(FORMER_WORKER, AETHER_WORKER_JOBS="1")
    job_id = submit(stack)
    until(lambda: stack.model.in_flight == 1)
    return job_id


def test_a_job_that_an_earlier_worker_runs_is_left_to_it(bare: Stack) -> None:
    job_id = held_by_an_earlier_worker(bare)
    newer = bare.ready(bare.start_worker())
    another = submit(bare, "Another")
    until(lambda: bare.model.in_flight == 2)

    bare.model.drop_connections()
    bare.when(job_id, "completed")
    bare.when(another, "completed")

    assert job_id not in newer.log.read_text()
    until(lambda: both_are_empty(bare))


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_of_an_earlier_worker_that_ends_goes_on(bare: Stack, sig: signal.Signals) -> None:
    job_id = held_by_an_earlier_worker(bare)
    bare.start_worker()
    bare.workers[0].end(sig)

    bare.when(job_id, "completed")

    assert bare.model.count(kind="outline") == 1
    until(lambda: both_are_empty(bare))


def test_a_job_that_an_earlier_worker_runs_can_be_cancelled_and_retried(bare: Stack) -> None:
    job_id = held_by_an_earlier_worker(bare)
    assert bare.http.post(f"/reports/{job_id}/cancel").json()["status"] == "cancelled"
    until(lambda: not bare.model.in_flight)
    assert both_are_empty(bare)

    assert bare.http.post(f"/reports/{job_id}/retry").status_code == 202
    bare.ready(bare.start_worker())
    bare.when(job_id, "completed")

    assert bare.model.count(kind="outline") == 1
    until(lambda: both_are_empty(bare))


def test_earlier_and_newer_workers_together_run_each_job_once(bare: Stack) -> None:
    bare.start_worker(FORMER_WORKER)
    bare.start_worker()
    topics = [f"Telegraph {number}" for number in range(40)]
    job_ids = [submit(bare, topic) if at % 2 else bare.submit(topic) for at, topic in enumerate(topics)]
    for job_id in job_ids:
        bare.when(job_id, "completed")

    assert {bare.model.count(kind="section", topic=topic) for topic in topics} == {1}
    until(lambda: both_are_empty(bare))


def test_after_a_roll_back_earlier_workers_run_what_was_queued(bare: Stack) -> None:
    job_ids = [bare.submit("The Heliograph"), submit(bare)]
    commands = re.findall(r"^\$ redis-cli (.*)$", GUIDE.read_text(), re.MULTILINE)
    for command in commands:
        bare.valkey.client.execute_command(*command.split())
    bare.start_worker(FORMER_WORKER)

    for job_id in job_ids:
        bare.when(job_id, "completed")
    assert len(commands) == 2
    until(lambda: both_are_empty(bare))
