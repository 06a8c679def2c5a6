"""An ended job is shown in the bytes in which it was shown before, for as long as it stands so and to its owner."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Change, Status
from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, RESOURCES, Resource

Client = AsyncTestClient[Litestar]


async def ended(
    harness: ApiHarness, resource: Resource, status: Status = Status.COMPLETED, owner: str = "local"
) -> str:
    job_id = await harness.create_job(resource, owner=owner)
    await harness.store.begin(job_id)
    await harness.store.move(job_id, Change(status=status))
    return job_id


@EVERY_KIND
async def test_an_ended_job_is_read_once_however_often_it_is_asked_for(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    url = resource.url(await ended(harness, resource))

    answers = [await client.get(url) for _ in range(3)]

    assert len(harness.store.snapshots) == 1  # what is not read is not encoded
    assert {200} == {answer.status_code for answer in answers}
    assert {answers[0].content} == {answer.content for answer in answers}
    told = [{name: answer.headers[name] for name in ("etag", "cache-control", "vary")} for answer in answers]
    assert [told[0]] * 3 == told


@EVERY_KIND
async def test_a_job_that_goes_on_is_read_each_time(client: Client, harness: ApiHarness, resource: Resource) -> None:
    url = resource.url(await harness.create_job(resource))

    for _ in range(3):
        await client.get(url)

    assert len(harness.store.snapshots) == 3


async def test_an_ended_job_that_the_caller_has_is_not_sent(client: Client, harness: ApiHarness) -> None:
    url = f"/reports/{await ended(harness, RESOURCES[0])}"
    first = await client.get(url)

    again = await client.get(url, headers={"If-None-Match": first.headers["ETag"]})
    other = await client.get(url, headers={"If-None-Match": '"1"'})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["ETag"] == again.headers["ETag"]
    assert (200, first.content) == (other.status_code, other.content)
    assert len(harness.store.snapshots) == 1


async def test_a_wait_for_a_job_that_has_ended_is_none(client: Client, harness: ApiHarness) -> None:
    url = f"/reports/{await ended(harness, RESOURCES[0])}"
    first = await client.get(url)

    again = await client.get(url, headers={"Prefer": "wait=30"})

    assert (first.content, "wait=30") == (again.content, again.headers["Preference-Applied"])


@EVERY_KIND
async def test_a_job_that_is_tried_again_is_seen_so_at_once(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    url = resource.url(await ended(harness, resource, Status.FAILED))
    before = (await client.get(url)).json()["status"]

    await client.post(f"{url.rstrip('/')}/retry")

    words = [resource.words[Status.FAILED], resource.words[Status.PENDING]]
    assert words == [before, (await client.get(url)).json()["status"]]


@EVERY_KIND
@pytest.mark.parametrize("way", ["erased", "expired"])
async def test_a_job_that_is_gone_is_unknown_at_once(
    client: Client, harness: ApiHarness, resource: Resource, way: str
) -> None:
    job_id = await ended(harness, resource)
    url = resource.url(job_id)
    await client.get(url)

    if way == "erased":
        await client.delete(url)
    else:
        del harness.store.jobs[job_id]

    assert (await client.get(url)).status_code == 404


async def test_what_one_owner_was_shown_no_other_is(client: Client, harness: ApiHarness) -> None:
    ada, eve = await harness.authorization("ada"), await harness.authorization("eve")
    url = f"/reports/{await ended(harness, RESOURCES[0], owner='ada')}"

    answers = [await client.get(url, headers=key) for key in (ada, eve, ada)]

    assert [answer.status_code for answer in answers] == [200, 404, 200]


async def test_a_job_that_shows_where_it_is_is_shown_for_each_address_by_which_callers_come(
    client: Client, harness: ApiHarness
) -> None:
    url = f"/reports/{await ended(harness, RESOURCES[0])}"

    for host in ("one.example", "two.example", "one.example"):
        await client.get(url, headers={"Host": host})

    assert len(harness.store.snapshots) == 2
