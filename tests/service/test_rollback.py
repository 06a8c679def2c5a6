"""A release that is rolled out or rolled back: processes of two versions work on one Redis."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import httpx2
import msgspec
import pytest
from redis.asyncio import Redis

from aether.adapters.redis.keys import WEBHOOKS
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.access import LOCAL
from aether.domain.webhook import Webhook
from aether.durable.ports import NewJob
from tests.example_kind import TRANSLATION
from tests.example_kind.translation import TranslationRequest
from tests.processes.process import Process
from tests.service.stack import JOB, QUEUE, Json, Stack
from tests.service.webhook_receiver import Receiver
from tests.waiting import until

NEWER = [sys.executable, "-m", "tests.service.newer_version"]
REQUEST = msgspec.json.encode(TranslationRequest("Good morning.\n\nGood night.", "Spanish"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@asynccontextmanager
async def store_of(stack: Stack) -> AsyncIterator[RedisJobStore]:
    async with Redis.from_url(stack.valkey.url) as client:
        yield RedisJobStore(client, QueueSettings(QUEUE, "perform", 1_000), timedelta(hours=1))


async def translation(stack: Stack, receiver: Receiver) -> str:
    """A job that a newer API has accepted."""
    job = NewJob(
        str(uuid4()), TRANSLATION, LOCAL, REQUEST, ("paragraph:0", "paragraph:1"), webhook=Webhook(receiver.url())
    )
    async with store_of(stack) as store:
        return await store.create(job)


def record(stack: Stack, job_id: str) -> Json:
    fields: Json = {name.decode(): value for name, value in stack.valkey.client.hgetall(JOB + job_id).items()}
    return fields


def nothing_is_put_off(stack: Stack) -> bool:
    """Let the time come for all that the older worker has put off, for up to 32 s; the newer one may be first then."""
    for queue in (QUEUE, WEBHOOKS):
        for entry in stack.valkey.client.zrange(queue, 0, -1):
            stack.valkey.client.zadd(queue, {entry: 1}, xx=True)
    return True


def says(worker: Process, event: str) -> bool:
    return event.encode() in worker.log.read_bytes()


def notification(stack: Stack, job_id: str) -> Json:
    """The inbox's entry for the job, as an API of this version shows it."""
    after = "0"
    while True:
        page = stack.http.get("/notifications", params={"limit": 100, "after": after}).json()
        for entry in page["notifications"]:
            if entry["jobId"] == job_id:
                found: Json = entry
                return found
        after = page["nextCursor"]


async def test_a_job_of_a_newer_version_waits_for_a_worker_of_that_version(bare: Stack, receiver: Receiver) -> None:
    """A worker of this version takes it, leaves it as it is, and goes on with what it knows."""
    old = bare.ready(bare.start_worker())
    job_id = await translation(bare, receiver)
    before = record(bare, job_id)
    until(lambda: says(old, "job.unsupported"))
    bare.when(bare.submit("The Semaphores of Chappe", sections=1), "completed")

    assert record(bare, job_id) == before
    assert bare.valkey.client.zscore(QUEUE, job_id)

    newer = bare.ready(bare.start_worker([*NEWER, "worker"]))
    until(lambda: nothing_is_put_off(bare) and record(bare, job_id)["status"] == b"completed")
    until(lambda: nothing_is_put_off(bare) and receiver.received)
    newer.end()

    assert not says(old, "job.stranded")
    assert record(bare, job_id)["finished"] == b"2"
    assert bare.valkey.client.zscore(QUEUE, job_id) is None
    told = msgspec.json.decode(receiver.received[0].body)
    assert (told["type"], told["data"]["href"]) == ("translation.completed", f"/translations/{job_id}")
    entry = notification(bare, job_id)
    assert (entry["kind"], entry["status"]) == ("translation", "completed")
    assert bare.http.get(entry["href"]).json()["notifications"] == [entry]


async def test_a_webhook_about_a_job_of_a_newer_version_waits_for_a_worker_of_that_version(
    bare: Stack, receiver: Receiver
) -> None:
    """Only that worker knows where the job is, and a receiver is told but once."""
    job_id = await translation(bare, receiver)
    bare.ready(bare.start_worker([*NEWER, "worker"]))
    until(lambda: record(bare, job_id)["status"] == b"completed")
    until(lambda: deliveries(bare, job_id)[0]["attempts"])
    bare.end_workers()
    old = bare.ready(bare.start_worker())
    (delivery,) = deliveries(bare, job_id)
    assert bare.http.post(f"/webhooks/deliveries/{delivery['id']}/replay").status_code == 202
    until(lambda: says(old, "webhook.unsupported"))

    (waiting,) = deliveries(bare, job_id)
    assert (waiting["type"], waiting["status"], len(waiting["attempts"])) == ("translation.completed", "pending", 1)
    assert len(receiver.received) == 1

    bare.ready(bare.start_worker([*NEWER, "worker"]))
    until(lambda: nothing_is_put_off(bare) and len(receiver.received) == 2)
    assert receiver.received[0].body == receiver.received[1].body


def deliveries(stack: Stack, job_id: str) -> list[Json]:
    found: list[Json] = stack.http.get("/webhooks/deliveries", params={"job": job_id}).json()["deliveries"]
    return found


async def test_an_api_of_the_newer_version_shows_the_job_where_its_notification_leads(
    bare: Stack, receiver: Receiver
) -> None:
    job_id = await translation(bare, receiver)
    bare.start_worker([*NEWER, "worker"])
    until(lambda: record(bare, job_id)["status"] == b"completed")
    href = notification(bare, job_id)["href"]

    with bare.another_api(command=[*NEWER, "api", "--port", "0"]) as url, httpx2.Client(base_url=url) as http:
        (entry,) = http.get(href).json()["notifications"]
        job = http.get(entry["href"]).json()

    assert (entry["href"], job["translationId"], job["status"]) == (f"/translations/{job_id}", job_id, "completed")
