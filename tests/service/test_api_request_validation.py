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


async def test_null_is_not_a_status_of_deliveries(client: Client) -> None:
    answer = await client.get("/webhooks/deliveries?status=null")

    expected = [{"field": "status", "rule": "must not be null"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


async def test_null_is_a_string_where_any_string_is_valid(client: Client) -> None:
    answer = await client.get("/webhooks/deliveries?job=null")

    assert (answer.status_code, answer.json()) == (200, {"deliveries": []})


@pytest.mark.parametrize(
    ("path", "errors"),
    [
        ("/reports?limits=5", {"limits": "is not a known parameter; did you mean limit?"}),
        ("/reports?Limit=5", {"Limit": "is not a known parameter; did you mean limit?"}),
        ("/reports?page=2", {"page": "is not a known parameter"}),
        ("/reports?_=1700000000", {"_": "is not a known parameter"}),
        ("/reports?=1", {"": "is not a known parameter"}),
        (f"/reports/{UNKNOWN}?afther=1", {"afther": "is not a known parameter; did you mean after?"}),
        (f"/reports/{UNKNOWN}/events?last-event-id=1", {"last-event-id": "is not a known parameter"}),
        ("/notifications?un_acked=true", {"un_acked": "is not a known parameter; did you mean unacked?"}),
        ("/webhooks/deliveries?jobs=a", {"jobs": "is not a known parameter; did you mean job?"}),
        ("/webhooks/endpoint?x=1", {"x": "is not a known parameter"}),
        ("/api/v1/reports?limits=5", {"limits": "is not a known parameter; did you mean limit?"}),
    ],
)
async def test_an_unknown_parameter_is_rejected_with_the_nearest_name(
    client: Client, path: str, errors: dict[str, str]
) -> None:
    answer = await client.get(path)

    assert answer.status_code == 422
    assert {each["field"]: each["rule"] for each in answer.json()["errors"]} == errors


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_call_with_an_unknown_parameter_changes_nothing(
    client: Client, harness: ApiHarness, method: str
) -> None:
    job_id = await harness.create_report()
    path = {"POST": "/reports", "PUT": "/webhooks/endpoint", "DELETE": f"/reports/{job_id}"}[method]
    answer = await client.request(method, f"{path}?dry_run=1", json={"topic": "Rome"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "dry_run")
    assert list(harness.store.jobs) == [job_id]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/schema/openapi.json"])
async def test_public_paths_ignore_parameters(client: Client, path: str) -> None:
    assert (await client.get(f"{path}?t=1700000000")).status_code == 200


async def test_the_methods_of_a_path_are_shown_whatever_the_parameters(client: Client) -> None:
    assert (await client.options("/reports?x=1")).status_code == 204


async def test_every_rule_that_a_query_breaks_is_named(client: Client) -> None:
    answer = await client.get("/reports?limit=0&status=x&cursor=a&cursor=b&colour=red&sort=up")

    assert {each["field"]: each["rule"] for each in answer.json()["errors"]} == {
        "cursor": "must be given only once",
        "colour": "is not a known parameter",
        "sort": "is not a known parameter",
        "limit": "must be at least 1",
        "status": "must be one of: pending, processing, completed, failed, cancelled",
    }


async def test_every_invalid_value_of_a_query_is_named(client: Client) -> None:
    answer = await client.get("/reports?limit=0&status=x")

    assert [each["field"] for each in answer.json()["errors"]] == ["status", "limit"]
    assert answer.json()["detail"].count("; ") == 1


async def test_the_errors_of_a_query_are_limited(client: Client) -> None:
    answer = await client.get("/reports?" + "&".join(f"x{at}=1" for at in range(500)))

    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)


@pytest.mark.parametrize("path", ["/jobs/", "//jobs", "/jobs//", "/jobs"])
async def test_a_problem_contains_the_path_of_the_request(client: Client, path: str) -> None:
    # A URL, because the client would treat the text after two slashes as a host.
    answer = await client.post(f"http://test{path}", json={})

    assert (answer.status_code, answer.json()["instance"]) == (422, path)
