"""CSRF: pages of other origins must not act in the name of a local user who needs no key."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.service.api_harness import ApiHarness
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
LOCAL_HOST = {"Host": "localhost:8000"}


@pytest.mark.parametrize("origin", ["https://evil.example.com", "http://localhost:3000", "null", "http://[", ""])
@pytest.mark.parametrize("path", ["/webhooks/secret/rotate", f"/reports/{UNKNOWN}/cancel"])
async def test_a_page_of_another_origin_changes_nothing(
    client: Client, harness: ApiHarness, origin: str, path: str
) -> None:
    await harness.create_report(UNKNOWN)
    before = harness.store.jobs[UNKNOWN]

    answer = await client.post(path, headers=LOCAL_HOST | {"Origin": origin, "Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:aether:problem:unauthenticated")
    assert harness.store.jobs[UNKNOWN] == before


async def test_a_form_of_another_origin_cannot_create_a_job(client: Client, harness: ApiHarness) -> None:
    form = {"Origin": "null", "Content-Type": "text/plain"}
    answer = await client.post("/reports", content=b'{"topic":"Rome"}', headers=LOCAL_HOST | form)

    assert (answer.status_code, harness.store.jobs) == (401, {})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no page at all"),
        pytest.param({"Origin": "http://localhost:8000"}, id="a page of ours"),
        pytest.param({"Origin": "https://aether.example.com", "Sec-Fetch-Site": "same-origin"}, id="behind a proxy"),
    ],
)
async def test_other_requests_are_allowed(client: Client, harness: ApiHarness, headers: dict[str, str]) -> None:
    await harness.create_report(UNKNOWN)
    answer = await client.post(f"/reports/{UNKNOWN}/cancel", headers=LOCAL_HOST | headers)

    assert answer.status_code == 200


async def test_a_page_of_an_allowed_origin_may_call_the_api(harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN)
    async with harness.client(cors_origins="https://app.example.com") as client:
        page = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}
        answer = await client.post(f"/reports/{UNKNOWN}/cancel", headers=LOCAL_HOST | page)

    assert answer.status_code == 200


async def test_a_page_with_a_key_may_have_any_origin(client: Client, harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN, owner="page")
    page = {"Origin": "https://app.example.com", **await harness.authorization("page")}
    answer = await client.post(f"/reports/{UNKNOWN}/cancel", headers=LOCAL_HOST | page)

    assert answer.status_code == 200
