"""Request validation: hosts, query parameters and paths."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, UNKNOWN, Resource

Client = AsyncTestClient[Litestar]


@pytest.mark.parametrize("host", ["a:99999", "a:x", "a@b", "[", "[::1", "[a]", "a:80:80", "a,b"])
async def test_an_invalid_host_is_rejected(client: Client, harness: ApiHarness, host: str) -> None:
    await harness.create_report(UNKNOWN)

    got = await client.get(f"/reports/{UNKNOWN}", headers={"Host": host})
    posted = await client.post("/reports", json={"topic": "Rome"}, headers={"Host": host})

    refused = (400, "urn:aether:problem:bad-request")
    assert [(answer.status_code, answer.json()["type"]) for answer in (got, posted)] == [refused, refused]
    assert list(harness.store.jobs) == [UNKNOWN]


@pytest.mark.parametrize("host", ["a", "my_host.example:8000", "127.0.0.1:80", "[::1]:8000", "a:", "xn--n-ewa.example"])
async def test_a_valid_host_is_accepted(client: Client, harness: ApiHarness, host: str) -> None:
    await harness.create_report(UNKNOWN)

    answer = await client.get(f"/reports/{UNKNOWN}", headers={"Host": host})

    assert answer.status_code == 200


@EVERY_KIND
@pytest.mark.parametrize("word", ["null", "NULL"])
async def test_null_is_not_a_version(client: Client, harness: ApiHarness, resource: Resource, word: str) -> None:
    await harness.create_job(resource)

    answer = await client.get(f"{resource.url()}?after={word}")

    expected = [{"field": "after", "rule": "must not be null"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


@pytest.mark.parametrize("query", ["after=1&after=1", "after=x&after=1"])
async def test_a_parameter_must_not_be_repeated(client: Client, harness: ApiHarness, query: str) -> None:
    await harness.create_report(UNKNOWN)

    answer = await client.get(f"/reports/{UNKNOWN}?{query}")

    expected = [{"field": "after", "rule": "must be given only once"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


async def test_unknown_parameters_may_be_repeated(client: Client) -> None:
    answer = await client.get("/reports?unheard-of=1&unheard-of=2&after=1&after=2")

    assert (answer.status_code, answer.json()) == (200, {"reports": []})


async def test_null_is_not_a_status_of_deliveries(client: Client) -> None:
    answer = await client.get("/webhooks/deliveries?status=null")

    expected = [{"field": "status", "rule": "must not be null"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


@pytest.mark.parametrize("query", ["job=null", "unheard-of=null", "after=null"])
async def test_null_is_a_string_where_any_string_is_valid(client: Client, query: str) -> None:
    answer = await client.get(f"/webhooks/deliveries?{query}")

    assert (answer.status_code, answer.json()) == (200, {"deliveries": []})


@pytest.mark.parametrize("path", ["/jobs/", "//jobs", "/jobs//", "/jobs"])
async def test_a_problem_contains_the_path_of_the_request(client: Client, path: str) -> None:
    # A URL, because the client would treat the text after two slashes as a host.
    answer = await client.post(f"http://test{path}", json={})

    assert (answer.status_code, answer.json()["instance"]) == (422, path)
