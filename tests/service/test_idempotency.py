"""Idempotency keys and the cap on an owner's jobs over real processes."""

import asyncio
import signal
from collections import Counter
from uuid import uuid4

import httpx2

from tests.service.stack import JOB, QUEUE, Json, Stack
from tests.waiting import PATIENCE_S

TOPIC = "The Lighthouse of Alexandria"
ONCE = "aether:once:"


def order(stack: Stack, key: str, topic: str = TOPIC) -> httpx2.Response:
    return stack.http.post("/reports", json={"topic": topic}, headers={"Idempotency-Key": f'"{key}"'})


async def posted(urls: list[str], body: Json, **headers: str) -> list[httpx2.Response]:
    """Send the same a hundred times at once, to these in turn."""
    async with httpx2.AsyncClient(timeout=PATIENCE_S, headers=headers) as client:
        requests = [client.post(f"{urls[at % len(urls)]}/reports", json=body) for at in range(100)]
        return list(await asyncio.gather(*requests))


def orders(stack: Stack) -> set[bytes]:
    return set(stack.valkey.client.scan_iter(f"{ONCE}*"))


async def test_a_hundred_equal_requests_to_two_processes_at_once_are_one_job(bare: Stack) -> None:
    records = set(bare.valkey.client.scan_iter(f"{JOB}*"))
    with bare.another_api() as url:
        answers = await posted([bare.url, url], {"topic": TOPIC}, **{"Idempotency-Key": str(uuid4())})

    told = {(answer.status_code, answer.content, answer.headers["Location"]) for answer in answers}
    made = set(bare.valkey.client.scan_iter(f"{JOB}*")) - records
    assert len(told) == len(made) == 1
    (status, _, location), (record,) = told.pop(), made
    assert (status, f"{JOB}{location.removeprefix('/reports/')}") == (202, record.decode())
    assert bare.valkey.client.zcard(QUEUE) == 1


def test_a_key_outlives_the_processes_that_took_it(bare: Stack) -> None:
    key = str(uuid4())
    first = order(bare, key)
    bare.end_api(signal.SIGKILL)
    bare.valkey.end(signal.SIGKILL)
    bare.valkey.start()
    bare.start_api()
    again, other = order(bare, key), order(bare, key, "Something else")

    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert other.status_code == 422


def test_a_key_lives_as_long_as_its_job_and_no_longer(bare: Stack) -> None:
    before, key, client = orders(bare), str(uuid4()), bare.valkey.client
    job_id = order(bare, key).json()["jobId"]
    (kept,) = orders(bare) - before
    bare.start_worker()
    bare.when(job_id, "completed")
    lives = client.pexpiretime(kept), client.pexpiretime(JOB + job_id)
    replayed = order(bare, key).json()["jobId"]
    bare.http.delete(f"/reports/{job_id}")

    assert (lives[0], job_id) == (lives[1], replayed)
    assert orders(bare) == before
    assert order(bare, key).json()["jobId"] != job_id


async def test_two_processes_together_take_no_more_jobs_of_an_owner_than_may(bare: Stack) -> None:
    with bare.another_api(AETHER_OWNER_JOBS="7") as first, bare.another_api(AETHER_OWNER_JOBS="7") as second:
        answers = await posted([first, second], {"topic": TOPIC})

    assert Counter(answer.status_code for answer in answers) == {202: 7, 429: 93}
    assert {answer.headers["Retry-After"] for answer in answers if answer.status_code == 429}
    assert bare.valkey.client.zcard(QUEUE) == 7
