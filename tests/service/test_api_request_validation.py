"""What is refused of a request before anything is asked of a job."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, UNKNOWN, Resource

Client = AsyncTestClient[Litestar]


@pytest.mark.parametrize("host", ["a:99999", "a:x", "a@b", "[", "[::1", "[a]", "a:80:80", "a,b"])
async def test_a_host_that_is_none_is_the_callers_fault(client: Client, harness: ApiHarness, host: str) -> None:
    await harness.create_report(UNKNOWN)

    got = await client.get(f"/reports/{UNKNOWN}", headers={"Host": host})
    asked = await client.post("/reports", json={"topic": "Rome"}, headers={"Host": host})

    refused = (400, "urn:aether:problem:bad-request")
    assert [(answer.status_code, answer.json()["type"]) for answer in (got, asked)] == [refused, refused]
    assert list(harness.store.jobs) == [UNKNOWN]


@pytest.mark.parametrize("host", ["a", "my_host.example:8000", "127.0.0.1:80", "[::1]:8000", "a:", "xn--n-ewa.example"])
async def test_every_other_host_is_taken(client: Client, harness: ApiHarness, host: str) -> None:
    await harness.create_report(UNKNOWN)

    answer = await client.get(f"/reports/{UNKNOWN}", headers={"Host": host})

    assert answer.status_code == 200


@EVERY_KIND
@pytest.mark.parametrize("word", ["null", "NULL"])
async def test_null_is_no_version(client: Client, harness: ApiHarness, resource: Resource, word: str) -> None:
    await harness.create_job(resource)

    answer = await client.get(f"{resource.url()}?after={word}")

    expected = [{"field": "after", "rule": "must not be null"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


@pytest.mark.parametrize("query", ["after=1&after=1", "after=x&after=1"])
async def test_a_version_is_given_only_once(client: Client, harness: ApiHarness, query: str) -> None:
    await harness.create_report(UNKNOWN)

    answer = await client.get(f"/reports/{UNKNOWN}?{query}")

    expected = [{"field": "after", "rule": "must be given only once"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


async def test_what_is_not_known_may_be_given_twice(client: Client) -> None:
    answer = await client.get("/reports?unheard-of=1&unheard-of=2&after=1&after=2")

    assert (answer.status_code, answer.json()) == (200, {"reports": []})


async def test_null_is_no_status_of_a_delivery(client: Client) -> None:
    answer = await client.get("/webhooks/deliveries?status=null")

    expected = [{"field": "status", "rule": "must not be null"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


@pytest.mark.parametrize("query", ["job=null", "unheard-of=null", "after=null"])
async def test_null_is_a_word_where_any_word_is_taken(client: Client, query: str) -> None:
    answer = await client.get(f"/webhooks/deliveries?{query}")

    assert (answer.status_code, answer.json()) == (200, {"deliveries": []})


@pytest.mark.parametrize("path", ["/jobs/", "//jobs", "/jobs//", "/jobs"])
async def test_a_problem_names_the_path_as_it_was_called(client: Client, path: str) -> None:
    # The client would take what follows two slashes for a host.
    answer = await client.post(f"http://test{path}", json={})

    assert (answer.status_code, answer.json()["instance"]) == (422, path)
