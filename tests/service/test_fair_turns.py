"""Owners take turns, over real processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Kind
from aether.domain.report_request import ReportRequest
from aether.durable.ports import NewJob
from tests.scripted_model import Hang, Rule, Setup
from tests.service.stack import QUEUE, Stack, topic_of
from tests.waiting import until

JOBS_OF_ADA = 60


@asynccontextmanager
async def store_of(stack: Stack) -> AsyncIterator[RedisJobStore]:
    async with Redis.from_url(stack.valkey.url) as client:
        yield RedisJobStore(client, QueueSettings(QUEUE, "perform", 1_000), timedelta(hours=1))


async def submit(store: RedisJobStore, owner: str, topic: str) -> str:
    request = msgspec.json.encode(ReportRequest(topic))
    return await store.create(NewJob(str(uuid4()), Kind.REPORT, owner, request))


async def test_a_single_report_waits_for_one_of_anothers_sixty(bare: Stack) -> None:
    """Two run at once, and are held; whichever ends first makes room for it."""
    bare.model.use([Rule(kind="outline", times=2, do=Hang())], Setup(sections=1))
    bare.ready(bare.start_worker(AETHER_WORKER_JOBS="2"))
    async with store_of(bare) as store:
        jobs = [await submit(store, "ada", f"Aqueducts of Ada, part {at}") for at in range(JOBS_OF_ADA)]
        until(lambda: bare.model.in_flight == 2)
        jobs.append(await submit(store, "bob", "Bridges of Bob"))
        bare.model.drop_connections()
        until(lambda: len(begun(bare)) > 3)
        await asyncio.gather(*map(store.erase, jobs))
    # Both places may become free in the same moment; then their two jobs begin together.
    assert "Bridges of Bob" in begun(bare)[2:4]


def begun(stack: Stack) -> list[str]:
    """The topics of the reports in the order in which they were begun."""
    return list(dict.fromkeys(topic_of(call) for call in stack.model.calls() if call.kind == "outline"))
