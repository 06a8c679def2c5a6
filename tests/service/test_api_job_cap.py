"""The limit on how many of an owner's jobs may wait or run at a time."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.access import Quota, Scope
from aether.domain.job import Change, Status
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, Resource

Client = AsyncTestClient[Litestar]
JSON = {"Content-Type": "application/json"}
EXISTING = "10000000-0000-4000-8000-000000000000"


@pytest.fixture
def harness() -> ApiHarness:
    return ApiHarness(max_jobs=2)


@pytest.fixture
async def client(harness: ApiHarness) -> AsyncIterator[Client]:
    """A client whose owner may have two jobs and has one."""
    await harness.create_report(EXISTING)
    async with harness.client() as client:
        yield client


def problem(instance: str) -> dict[str, object]:
    return {
        "type": "urn:aether:problem:too-many-jobs",
        "title": "Too many jobs",
        "status": 429,
        "detail": "No more than 2 of your jobs may wait or run at a time.",
        "instance": instance,
    }


@EVERY_KIND
async def test_a_job_over_the_limit_is_rejected_and_not_stored(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    accepted, refused = [await client.post(resource.path, content=resource.request, headers=JSON) for _ in range(2)]

    assert accepted.is_success
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert refused.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert refused.json() == problem(resource.path)
    assert len(harness.store.jobs) == 2


@EVERY_KIND
async def test_a_retry_over_the_limit_is_rejected(client: Client, harness: ApiHarness, resource: Resource) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id, Change(status=Status.FAILED))
    await harness.create_report("20000000-0000-4000-8000-000000000000")
    retry = resource.url(job_id, "/retry")

    refused = await client.post(retry)
    await client.post(f"/reports/{EXISTING}/cancel")
    accepted = await client.post(retry)

    assert (refused.status_code, refused.json(), refused.headers["Retry-After"]) == (429, problem(retry), "5")
    assert (accepted.status_code, harness.store.jobs[job_id].status) == (202, Status.PENDING)


async def test_a_repeated_request_is_answered_even_at_the_limit(client: Client) -> None:
    ask = {"content": b'{"topic":"Rome"}', "headers": JSON | {"Idempotency-Key": "order-7"}}

    answers = [await client.post("/reports", **ask) for _ in range(2)]  # type: ignore[arg-type]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.content for answer in answers}) == 1


async def test_the_limit_of_a_key_takes_precedence_over_that_of_the_service(harness: ApiHarness) -> None:
    """The key allows one job, the service two."""
    _, secret = await ApiKeys(harness.keys, SystemClock()).create("ada", scopes=[Scope.WRITE], quota=Quota(jobs=1))
    headers = {"Authorization": f"Bearer {secret.reveal()}"}
    async with harness.client() as client:
        first, second = [await client.post("/reports", json={"topic": "Rome"}, headers=headers) for _ in range(2)]
        await client.post(f"{first.headers['Location']}/cancel", headers=headers)
        third = await client.post("/reports", json={"topic": "Rome"}, headers=headers)
        retried = await client.post(f"{first.headers['Location']}/retry", headers=headers)

    assert [answer.status_code for answer in (first, second, third, retried)] == [202, 429, 202, 429]
    assert second.json()["detail"] == "No more than 1 of your jobs may wait or run at a time."


async def test_existing_jobs_can_be_read_and_cancelled_at_the_limit(client: Client) -> None:
    await client.post("/jobs", json={"input_text": "Wash your hands."})

    assert (await client.get(f"/reports/{EXISTING}")).status_code == 200
    assert (await client.post(f"/reports/{EXISTING}/cancel")).status_code == 200
    assert (await client.post("/reports", json={"topic": "Rome"})).status_code == 202


@pytest.mark.parametrize("name", ["createReport", "createChecklist", "createGeneration", "retryReport"])
async def test_the_problem_is_declared_where_jobs_are_queued(document: dict[str, Any], name: str) -> None:
    (operation,) = [
        each for item in document["paths"].values() for each in item.values() if each["operationId"] == name
    ]
    declared = operation["responses"]["429"]

    assert "too-many-jobs" in declared["content"]["application/problem+json"]["examples"]
    assert "Retry-After" in declared["headers"]
