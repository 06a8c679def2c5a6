"""The Accept header: what cannot be served is answered 406, and what clients really send is served."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.api.http.accept import accepts
from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, UNKNOWN, Resource

Client = AsyncTestClient[Litestar]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
JSON = ("application/json",)

SERVED = [
    "*/*",
    "application/json",
    "application/*",
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    "application/json;q=0.1, text/html",
    "application/json, text/plain, */*",  # axios
    "application/json, application/problem+json",  # generated clients
    "application/problem+json",  # openapi-generator's Python, where the response is not JSON
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",  # Java
    "application/xml;q=0.9, application/json;q=0.001",
    "*/*;q=0, application/json",
    "application/*;q=0, application/json",
    BROWSER,
    "",
    "json",
    ", ,",
    "application/json;q=",
    "application/json;q=high",
]
EXCLUDED = [
    "text/html",
    "text/*",
    "text/event-stream",
    "application/xml",
    "application/vnd.api+json",
    "application/problem+json, text/html",
    "image/*",
    "*/*;q=0",
    "application/json;q=0",
    "application/json; q=0.000",
    "application/json;q=0, */*",
    "application/*;q=0, */*;q=0.5",
]


@pytest.mark.parametrize("accept", SERVED)
async def test_what_can_be_served_is_served(client: Client, accept: str) -> None:
    answer = await client.get("/reports", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")


@pytest.mark.parametrize("accept", EXCLUDED)
async def test_what_cannot_be_served_is_not_acceptable(client: Client, accept: str) -> None:
    answer = await client.get("/reports", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (406, "application/problem+json; charset=utf-8")
    assert answer.json()["type"] == "urn:aether:problem:not-acceptable"
    assert "application/json" in answer.json()["detail"]


@EVERY_KIND
async def test_a_job_whose_answer_would_not_be_taken_is_not_created(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    headers = {"Accept": "application/xml", "Content-Type": "application/json"}
    answer = await client.post(resource.path, content=resource.request, headers=headers)

    assert (answer.status_code, harness.store.jobs) == (406, {})


async def test_several_lines_are_one_list(client: Client) -> None:
    answer = await client.get("/reports", headers=[("Accept", "text/html"), ("Accept", "application/json")])

    assert answer.status_code == 200


@EVERY_KIND
async def test_a_stream_is_no_json(client: Client, harness: ApiHarness, resource: Resource) -> None:
    events = resource.url(await harness.create_job(resource), "/events")
    answer = await client.get(events, headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["type"]) == (406, "urn:aether:problem:not-acceptable")


@pytest.mark.parametrize(
    "accept",
    ["text/event-stream", "text/*", "*/*", "text/event-stream, application/problem+json", "application/problem+json"],
)
async def test_a_stream_is_served_as_one(client: Client, harness: ApiHarness, accept: str) -> None:
    job_id = await harness.create_report()
    await client.post(f"/reports/{job_id}/cancel")
    answer = await client.get(f"/reports/{job_id}/events", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")


async def test_what_has_no_body_is_acceptable_to_all(client: Client, harness: ApiHarness) -> None:
    answer = await client.delete(f"/reports/{await harness.create_report()}", headers={"Accept": "text/html"})

    assert answer.status_code == 204


@pytest.mark.parametrize("accept", ["text/plain", "text/html", "image/png", "*/*;q=0", "x"])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/schema/openapi.json"])
async def test_public_paths_are_acceptable_to_all(client: Client, path: str, accept: str) -> None:
    assert (await client.get(path, headers={"Accept": accept})).status_code == 200


async def test_an_unknown_path_is_not_found_whatever_is_accepted(client: Client) -> None:
    assert (await client.get("/nothing", headers={"Accept": "text/html"})).status_code == 404


async def test_the_methods_of_a_path_are_acceptable_to_all(client: Client) -> None:
    assert (await client.options("/reports", headers={"Accept": "text/html"})).status_code == 204


async def test_a_job_of_nobody_is_unknown_to_a_browser(client: Client) -> None:
    assert (await client.get(f"/reports/{UNKNOWN}", headers={"Accept": BROWSER})).status_code == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("image/webp", True),
        ("image/*", True),
        (BROWSER, True),
        ("image/png,image/*;q=0.8,*/*;q=0.5", True),
        ("application/octet-stream, image/*, application/problem+json", True),
        ("application/octet-stream", True),
        ("image/png", False),
        ("image/*;q=0, image/png", False),
        ("application/json", False),
    ],
)
def test_an_image_is_served_as_what_it_is(accept: str, *, expected: bool) -> None:
    assert accepts(accept, ("image/webp", "application/octet-stream")) is expected


@pytest.mark.parametrize(
    ("accept", "expected"), [("image/png", True), ("image/*", True), ("image/*;q=0", False), ("text/html", False)]
)
def test_an_image_of_a_type_that_is_not_known_yet_may_be_any(accept: str, *, expected: bool) -> None:
    assert accepts(accept, ("image/*",)) is expected


def test_an_endless_header_takes_no_time() -> None:
    assert not accepts("text/html;q=0.1," * 2_000, JSON)
    assert not accepts("a/" + "*" * 30_000, JSON)
