"""Idempotency keys on the wire: repeated POSTs and their responses."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import httpx2
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from typing_extensions import override

from aether.domain.job import Change, Problem, Status
from aether.durable.ports import NewJob
from aether.errors import StoreUnavailableError
from tests.fakes import MemoryJobStore
from tests.service.api_harness import ApiHarness, assert_field_error, fail
from tests.service.resources import EVERY_KIND, REPORTS, RESOURCES, Resource

Client = AsyncTestClient[Litestar]
KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
JSON = {"Content-Type": "application/json"}
ROME = {"topic": "Rome"}
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REUSED = "urn:aether:problem:idempotency-key-reused"


class LossyStore(MemoryJobStore):
    """Creates every job, but loses the response to the first creation."""

    @override
    async def create(self, job: NewJob, max_jobs: int | None = None) -> str:
        is_first = not self.jobs
        job_id = await super().create(job, max_jobs)
        if is_first:
            raise StoreUnavailableError("answer lost")
        return job_id


@pytest.fixture
async def local(harness: ApiHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """A client in the event loop of the test that keeps header lines separate; Litestar's client joins them."""
    transport = httpx2.ASGITransport(harness.local_app())  # type: ignore[arg-type]  # Litestar has types of its own for ASGI
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def post(
    client: Client, resource: Resource = REPORTS, body: bytes | None = None, headers: Mapping[str, str] = NO_HEADERS
) -> httpx.Response:
    return await client.post(resource.path, content=body or resource.request, headers=JSON | KEY | dict(headers))


def visible(answer: httpx.Response) -> tuple[int, bytes, str, str]:
    return answer.status_code, answer.content, answer.headers["Location"], answer.headers["Retry-After"]


@EVERY_KIND
async def test_a_repeated_request_has_the_same_response(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    first, *others = [visible(await post(client, resource)) for _ in range(3)]

    assert [first] * 2 == others
    assert len(harness.store.jobs) == len(harness.store.queue) == 1


@EVERY_KIND
async def test_another_request_with_the_same_key_is_rejected(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    await post(client, resource)
    jobs = dict(harness.store.jobs)

    refused = await post(client, resource, resource.request.replace(b'"}', b'!"}'))

    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert refused.json() == {
        "type": REUSED,
        "title": "The Idempotency-Key stands for another request",
        "status": 422,
        "detail": "This Idempotency-Key stands for another request; take a new one for each.",
        "instance": resource.path,
    }
    assert jobs == harness.store.jobs


async def test_a_key_is_used_for_one_kind_only(client: Client, harness: ApiHarness) -> None:
    statuses = [(await post(client, resource)).status_code for resource in RESOURCES]

    assert (statuses, len(harness.store.jobs)) == ([202, *[422] * (len(RESOURCES) - 1)], 1)


@pytest.mark.parametrize(
    "body",
    [
        b'  {"metadata":{"a":"1","b":"2"},"topic":"Rome"}\n',
        b'{"topic": "Rome", "metadata": {"b": "2", "a": "1"}}',
        b'{"topic":" Rome ","metadata":{"a":"1","b":"\\u0032"}}',
    ],
)
async def test_bodies_that_differ_only_in_form_are_equal(client: Client, body: bytes) -> None:
    first = await post(client, body=b'{"topic":"Rome","metadata":{"a":"1","b":"2"}}')

    assert visible(first) == visible(await post(client, body=body))


@pytest.mark.parametrize(
    "fields",
    [{"maxTokens": 5_000}, {"deadlineSeconds": 60}, {"webhook": {"url": "http://localhost/"}}, {"tone": "dry"}],
)
async def test_bodies_with_other_values_differ(client: Client, fields: dict[str, object]) -> None:
    await post(client, body=msgspec.json.encode(ROME))

    refused = await post(client, body=msgspec.json.encode(ROME | fields))

    assert (refused.status_code, refused.json()["type"]) == (422, REUSED)


async def test_a_job_is_not_created_again_if_its_response_was_lost() -> None:
    harness = ApiHarness(store=LossyStore())
    async with harness.client() as client:
        answers = [await post(client) for _ in range(2)]

    (job_id,) = harness.store.jobs
    assert [answer.status_code for answer in answers] == [503, 202]
    assert answers[1].json() == {"jobId": job_id}


async def test_a_key_is_the_same_with_and_without_quotes(client: Client, harness: ApiHarness) -> None:
    for key in ("order-7", '"order-7"'):
        await client.post("/reports", json=ROME, headers={"Idempotency-Key": key})

    assert len(harness.store.jobs) == 1


async def test_without_a_key_every_request_is_a_job(client: Client, harness: ApiHarness) -> None:
    for _ in range(2):
        await client.post("/reports", json=ROME)

    assert len(harness.store.jobs) == 2


@EVERY_KIND
@pytest.mark.parametrize("key", ["", '"', "a b", "é", "a" * 256])
async def test_an_invalid_key_is_rejected(client: Client, harness: ApiHarness, resource: Resource, key: str) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key.encode())]

    answer = await client.post(resource.path, content=resource.request, headers=headers)

    rule = "must be 1 to 255 visible ASCII characters, in quotes or bare"
    assert_field_error(answer, resource.path, "Idempotency-Key", rule)
    assert harness.store.jobs == {}


async def test_two_keys_are_rejected(local: httpx2.AsyncClient, harness: ApiHarness) -> None:
    headers = [*JSON.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

    answer = await local.post("/reports", content=REPORTS.request, headers=headers)

    broken = [{"field": "Idempotency-Key", "rule": "must be given only once"}]
    assert (answer.status_code, answer.json()["errors"], harness.store.jobs) == (422, broken, {})


@EVERY_KIND
async def test_the_response_does_not_show_the_end_of_the_job_unless_the_caller_waits(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    first = await post(client, resource)
    (job_id,) = harness.store.jobs
    await harness.process(job_id, fail(Problem("model-failed", "No luck.")))

    again, waited = await post(client, resource), await post(client, resource, headers={"Prefer": "wait=5"})

    assert visible(first) == visible(again)
    assert (waited.status_code, waited.headers["Location"]) == (200, first.headers["Location"])
    assert waited.json()["status"] == resource.words[Status.FAILED]
    assert harness.store.queue == []


async def test_a_retried_job_keeps_its_key(client: Client, harness: ApiHarness) -> None:
    first = await post(client)
    (job_id,) = harness.store.jobs
    await client.post(f"/reports/{job_id}/cancel")
    await client.post(f"/reports/{job_id}/retry")

    assert visible(first) == visible(await post(client))
    assert harness.store.queue == [job_id]


async def test_deleting_a_job_frees_its_key(client: Client, harness: ApiHarness) -> None:
    first = await post(client)
    (job_id,) = harness.store.jobs
    await client.delete(f"/reports/{job_id}")

    again = await post(client, body=b'{"topic":"Carthage"}')

    assert again.status_code == 202
    assert again.headers["Location"] != first.headers["Location"]


async def test_both_paths_of_reports_share_their_keys(client: Client, harness: ApiHarness) -> None:
    await post(client)
    again = await client.post("/api/v1/reports", json=ROME, headers=KEY)

    (job_id,) = harness.store.jobs
    assert (again.json(), again.headers["Location"]) == ({"jobId": job_id}, f"/api/v1/reports/{job_id}")


async def test_the_same_key_of_another_owner_is_another_key(harness: ApiHarness) -> None:
    credentials = {owner: await harness.authorization(owner) for owner in ("ada", "eve")}
    async with harness.client() as client:
        answers = {owner: await post(client, headers=headers) for owner, headers in credentials.items()}

    owners = {answer.json()["jobId"]: owner for owner, answer in answers.items()}
    assert owners == {job.id: job.owner for job in harness.store.jobs.values()}
    assert len(owners) == 2


async def test_a_repeated_request_is_answered_even_if_the_queue_is_full(client: Client, harness: ApiHarness) -> None:
    first = await post(client)
    harness.store.max_queue_length = 1

    assert (await client.post("/reports", json=ROME)).status_code == 503
    assert visible(first) == visible(await post(client))


async def test_repeated_requests_wait_for_the_same_job(local: httpx2.AsyncClient, harness: ApiHarness) -> None:
    headers = KEY | {"Prefer": "wait=50"}
    requests = [asyncio.ensure_future(local.post("/reports", json=ROME, headers=headers)) for _ in range(3)]
    while len(harness.hub.watches) < len(requests):
        assert not any(request.done() for request in requests)
        await asyncio.sleep(0.001)
    (job_id,) = harness.store.jobs
    await harness.process(job_id, Change(status=Status.COMPLETED))
    answers = await asyncio.gather(*requests)

    assert {(answer.status_code, answer.headers["Preference-Applied"]) for answer in answers} == {(200, "wait=50")}
    assert {answer.json()["jobId"] for answer in answers} == {job_id}


async def operations(client: Client) -> dict[str, dict[str, Any]]:  # Any: JSON
    document = (await client.get("/schema/openapi.json")).json()
    return {each["operationId"]: each for item in document["paths"].values() for each in item.values()}


def header_parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:  # Any: as above
    return {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "header"}


@pytest.mark.parametrize("name", ["createReport", "createChecklist", "createGeneration"])
async def test_the_header_is_declared_for_operations_that_create_jobs(client: Client, name: str) -> None:
    operation = (await operations(client))[name]
    header = header_parameters(operation)["Idempotency-Key"]

    assert (header["required"], header["schema"]["type"]) == (False, "string")
    assert re.search(header["schema"]["pattern"], KEY[header["name"]])
    # An example value would be rejected the second time that somebody tries the operation with it.
    assert "example" not in header
    assert "creates no second job" in header["description"]
    examples = operation["responses"]["422"]["content"]["application/problem+json"]["examples"]
    assert examples["idempotency-key-reused"]["value"]["type"] == REUSED
    assert "409" not in operation["responses"]


async def test_the_header_is_declared_nowhere_else(client: Client) -> None:
    declaring = {
        name for name, each in (await operations(client)).items() if "Idempotency-Key" in header_parameters(each)
    }

    assert declaring == {f"create{each.api.name}" for each in RESOURCES}
