"""Long polls: requests with `Prefer: wait=N`."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from aether.domain.estimate import Pace
from aether.domain.job import Change, Status
from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, Resource

Client = httpx2.AsyncClient
COMPLETED = Change(status=Status.COMPLETED)
LONG = {"Prefer": "wait=50"}
SHORT = {"Prefer": "wait=1"}


@pytest.fixture
async def client(harness: ApiHarness) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(harness.local_app())  # type: ignore[arg-type]  # Litestar has types of its own for ASGI
    async with Client(transport=transport, base_url="http://test") as client:
        yield client
    assert harness.hub.watches == set()


async def wait_until_held(harness: ApiHarness, *requests: asyncio.Task[httpx2.Response]) -> None:
    """Return once all requests are waiting."""
    while len(harness.hub.watches) < len(requests):
        assert not any(request.done() for request in requests)
        await asyncio.sleep(0.001)


def start_get(client: Client, url: str, **headers: str) -> asyncio.Task[httpx2.Response]:
    return asyncio.ensure_future(client.get(url, headers=LONG | headers))


@EVERY_KIND
async def test_get_waits_for_the_end_of_the_job(client: Client, harness: ApiHarness, resource: Resource) -> None:
    job_id = await harness.create_job(resource)
    request = start_get(client, resource.url(job_id))
    await wait_until_held(harness, request)
    await harness.process(job_id, Change(total=1), Change(total=2))
    waiting = not request.done()
    await harness.store.commit(job_id, 2, harness.store.jobs[job_id].version, COMPLETED)
    answer = await request

    assert waiting
    assert (answer.status_code, answer.json()["status"]) == (200, resource.words[Status.COMPLETED])
    assert answer.headers["Preference-Applied"] == "wait=50"
    assert "Prefer" in answer.headers["Vary"]


@EVERY_KIND
@pytest.mark.parametrize("cursor", ["tag", "after"])
async def test_get_with_a_known_version_waits_for_a_change(
    client: Client, harness: ApiHarness, resource: Resource, cursor: str
) -> None:
    job_id = await harness.create_job(resource)
    url = resource.url(job_id)
    tag = {"If-None-Match": '"1"'} if cursor == "tag" else {}
    request = start_get(client, url if tag else f"{url}?after=1", **tag)
    await wait_until_held(harness, request)
    await harness.process(job_id)
    answer = await request

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert answer.json()["status"] == resource.words[Status.PROCESSING]


@EVERY_KIND
async def test_a_job_that_has_changed_is_returned_at_once(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id)
    by_tag = await client.get(resource.url(job_id), headers=LONG | {"If-None-Match": '"1"'})
    by_version = await client.get(f"{resource.url(job_id)}?after=1", headers=LONG)

    assert [(answer.status_code, answer.headers["ETag"]) for answer in (by_tag, by_version)] == [(200, '"2"')] * 2


@EVERY_KIND
async def test_a_job_that_has_ended_is_not_waited_for(client: Client, harness: ApiHarness, resource: Resource) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id, COMPLETED)
    whole = await client.get(resource.url(job_id), headers=LONG)
    known = await client.get(resource.url(job_id), headers=LONG | {"If-None-Match": whole.headers["ETag"]})

    assert [answer.status_code for answer in (whole, known)] == [200, 304]
    assert [answer.headers["Preference-Applied"] for answer in (whole, known)] == ["wait=50"] * 2


async def test_after_the_wait_the_response_is_the_usual_one(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    url = f"/reports/{job_id}"
    headers_of_requests = [SHORT, SHORT | {"If-None-Match": '"1"'}]
    answers = await asyncio.gather(*(client.get(url, headers=headers) for headers in headers_of_requests))

    assert [(answer.status_code, answer.headers["Preference-Applied"]) for answer in answers] == [
        (200, "wait=1"),
        (304, "wait=1"),
    ]
    assert answers[1].content == b""


@pytest.mark.parametrize("prefer", ["", "wait=soon", "respond-async"])
async def test_an_unknown_preference_is_ignored(client: Client, harness: ApiHarness, prefer: str) -> None:
    job_id = await harness.create_report()
    answer = await client.get(f"/reports/{job_id}", headers={"Prefer": prefer})

    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers
    assert "Prefer" in answer.headers["Vary"]


async def test_the_preference_may_be_in_any_line_of_the_header(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    lines = [("Prefer", "respond-async"), ("Prefer", "wait=0")]
    answer = await client.get(f"/reports/{job_id}", headers=httpx2.Headers(lines))

    assert answer.headers["Preference-Applied"] == "wait=0"


async def test_an_invalid_version_is_rejected(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    answers = [await client.get(f"/reports/{job_id}?after={after}", headers=LONG) for after in ("-1", "x")]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.json()["detail"] for answer in answers] == [
        "after: must be at least 0",
        "after: must be a whole number",
    ]


@EVERY_KIND
async def test_post_waits_for_the_end_and_returns_the_job(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    headers = LONG | {"Content-Type": "application/json"}
    request = asyncio.ensure_future(client.post(resource.path, content=resource.request, headers=headers))
    await wait_until_held(harness, request)
    (job_id,) = harness.store.jobs
    await harness.process(job_id, COMPLETED)
    answer = await request
    job_response = await client.get(resource.url(job_id))

    assert (answer.status_code, answer.json()) == (200, job_response.json())
    assert answer.headers["Location"] == resource.url(job_id)
    assert answer.headers["ETag"] == job_response.headers["ETag"]
    assert answer.headers["Preference-Applied"] == "wait=50"


@EVERY_KIND
async def test_after_the_wait_post_has_its_usual_response(client: Client, resource: Resource) -> None:
    headers = {"Content-Type": "application/json"}
    plain = await client.post(resource.path, content=resource.request, headers=headers)
    waited = await client.post(resource.path, content=resource.request, headers=headers | SHORT)

    assert waited.status_code == plain.status_code
    assert waited.json().keys() == plain.json().keys()
    assert waited.headers["Preference-Applied"] == "wait=1"
    assert waited.headers["Retry-After"] == "1"
    assert all("Prefer" in answer.headers["Vary"] for answer in (plain, waited))


async def test_a_job_is_accepted_even_if_its_end_cannot_be_read(client: Client, harness: ApiHarness) -> None:
    request = asyncio.ensure_future(client.post("/reports", json={"topic": "Rome"}, headers={"Prefer": "wait=2"}))
    await wait_until_held(harness, request)
    (job_id,) = harness.store.jobs
    await harness.process(job_id)
    harness.store.is_unavailable = True
    answer = await request

    assert (answer.status_code, answer.json()) == (202, {"jobId": job_id})


async def test_a_job_that_is_deleted_during_the_wait_is_unknown(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    request = start_get(client, f"/reports/{job_id}")
    await wait_until_held(harness, request)
    await client.delete(f"/reports/{job_id}")

    assert (await request).status_code == 404


async def test_closing_the_hub_ends_all_waits(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    requests = [start_get(client, f"/reports/{job_id}") for _ in range(20)]
    await wait_until_held(harness, *requests)
    harness.hub.close()
    answers = await asyncio.gather(*requests)
    late = await client.get(f"/reports/{job_id}", headers=LONG)

    assert [answer.status_code for answer in [*answers, late]] == [200] * 21


@pytest.mark.parametrize(("seconds", "again"), [(None, "1"), (0.2, "1"), (12.3, "13"), (600.0, "30")])
async def test_retry_after_is_estimated_from_recent_jobs(
    client: Client, harness: ApiHarness, seconds: float | None, again: str
) -> None:
    job_id = await harness.create_report()
    harness.store.pace = Pace(seconds)
    whole = await client.get(f"/reports/{job_id}")
    known = await client.get(f"/reports/{job_id}", headers={"If-None-Match": '"1"'})

    assert [answer.headers["Retry-After"] for answer in (whole, known)] == [again] * 2
