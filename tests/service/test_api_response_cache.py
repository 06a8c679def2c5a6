"""The response cache: ended jobs are shown from it, to their owner only, until they change."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Change, Status
from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, RESOURCES, Resource

Client = AsyncTestClient[Litestar]


async def create_ended_job(
    harness: ApiHarness, resource: Resource, status: Status = Status.COMPLETED, owner: str = "local"
) -> str:
    job_id = await harness.create_job(resource, owner=owner)
    await harness.store.begin(job_id)
    await harness.store.move(job_id, Change(status=status))
    return job_id


@EVERY_KIND
async def test_an_ended_job_is_loaded_once(client: Client, harness: ApiHarness, resource: Resource) -> None:
    url = resource.url(await create_ended_job(harness, resource))

    answers = [await client.get(url) for _ in range(3)]

    assert len(harness.store.snapshots) == 1  # a job that is not loaded is not encoded either
    assert {200} == {answer.status_code for answer in answers}
    assert {answers[0].content} == {answer.content for answer in answers}
    headers = [{name: answer.headers[name] for name in ("etag", "cache-control", "vary")} for answer in answers]
    assert [headers[0]] * 3 == headers


@EVERY_KIND
async def test_a_job_that_has_not_ended_is_loaded_each_time(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    url = resource.url(await harness.create_job(resource))

    for _ in range(3):
        await client.get(url)

    assert len(harness.store.snapshots) == 3


async def test_an_ended_job_that_the_caller_has_is_not_sent(client: Client, harness: ApiHarness) -> None:
    url = f"/reports/{await create_ended_job(harness, RESOURCES[0])}"
    first = await client.get(url)

    again = await client.get(url, headers={"If-None-Match": first.headers["ETag"]})
    other = await client.get(url, headers={"If-None-Match": '"1"'})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["ETag"] == again.headers["ETag"]
    assert (200, first.content) == (other.status_code, other.content)
    assert len(harness.store.snapshots) == 1


async def test_a_cached_response_does_not_wait(client: Client, harness: ApiHarness) -> None:
    url = f"/reports/{await create_ended_job(harness, RESOURCES[0])}"
    first = await client.get(url)

    again = await client.get(url, headers={"Prefer": "wait=30"})

    assert (first.content, "wait=30") == (again.content, again.headers["Preference-Applied"])


@EVERY_KIND
async def test_a_retried_job_is_shown_at_once(client: Client, harness: ApiHarness, resource: Resource) -> None:
    url = resource.url(await create_ended_job(harness, resource, Status.FAILED))
    before = (await client.get(url)).json()["status"]

    await client.post(f"{url.rstrip('/')}/retry")

    words = [resource.words[Status.FAILED], resource.words[Status.PENDING]]
    assert words == [before, (await client.get(url)).json()["status"]]


@EVERY_KIND
@pytest.mark.parametrize("removal", ["erased", "expired"])
async def test_a_deleted_job_is_unknown_at_once(
    client: Client, harness: ApiHarness, resource: Resource, removal: str
) -> None:
    job_id = await create_ended_job(harness, resource)
    url = resource.url(job_id)
    await client.get(url)

    if removal == "erased":
        await client.delete(url)
    else:
        del harness.store.jobs[job_id]

    assert (await client.get(url)).status_code == 404


async def test_a_cached_response_is_shown_to_its_owner_only(client: Client, harness: ApiHarness) -> None:
    ada, eve = await harness.authorization("ada"), await harness.authorization("eve")
    url = f"/reports/{await create_ended_job(harness, RESOURCES[0], owner='ada')}"

    answers = [await client.get(url, headers=key) for key in (ada, eve, ada)]

    assert [answer.status_code for answer in answers] == [200, 404, 200]


async def test_responses_with_urls_are_cached_for_each_host(client: Client, harness: ApiHarness) -> None:
    url = f"/reports/{await create_ended_job(harness, RESOURCES[0])}"

    for host in ("one.example", "two.example", "one.example"):
        await client.get(url, headers={"Host": host})

    assert len(harness.store.snapshots) == 2
