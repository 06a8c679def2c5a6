"""Pages that a user of this machine has open, while no key is needed: they must not act in the user's name."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.service.api_harness import ApiHarness
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
HERE = {"Host": "localhost:8000"}


@pytest.mark.parametrize("origin", ["https://evil.example.com", "http://localhost:3000", "null", "http://[", ""])
@pytest.mark.parametrize("path", ["/webhooks/secret/rotate", f"/reports/{UNKNOWN}/cancel"])
async def test_a_page_of_another_origin_changes_nothing(
    client: Client, harness: ApiHarness, origin: str, path: str
) -> None:
    await harness.create_report(UNKNOWN)
    before = harness.store.jobs[UNKNOWN]

    answer = await client.post(path, headers=HERE | {"Origin": origin, "Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:aether:problem:unauthenticated")
    assert harness.store.jobs[UNKNOWN] == before


async def test_a_form_cannot_ask_for_a_job(client: Client, harness: ApiHarness) -> None:
    form = {"Origin": "null", "Content-Type": "text/plain"}
    answer = await client.post("/reports", content=b'{"topic":"Rome"}', headers=HERE | form)

    assert (answer.status_code, harness.store.jobs) == (401, {})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no page at all"),
        pytest.param({"Origin": "http://localhost:8000"}, id="a page of ours"),
        pytest.param({"Origin": "https://aether.example.com", "Sec-Fetch-Site": "same-origin"}, id="behind a proxy"),
    ],
)
async def test_everybody_else_is_let_through(client: Client, harness: ApiHarness, headers: dict[str, str]) -> None:
    await harness.create_report(UNKNOWN)
    answer = await client.post(f"/reports/{UNKNOWN}/cancel", headers=HERE | headers)

    assert answer.status_code == 200


async def test_a_page_of_a_listed_origin_is_let_through(harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN)
    async with harness.client(cors_origins="https://app.example.com") as client:
        page = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}
        answer = await client.post(f"/reports/{UNKNOWN}/cancel", headers=HERE | page)

    assert answer.status_code == 200


async def test_a_page_that_has_a_key_needs_no_leave_of_its_origin(client: Client, harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN, owner="page")
    page = {"Origin": "https://app.example.com", **await harness.authorization("page")}
    answer = await client.post(f"/reports/{UNKNOWN}/cancel", headers=HERE | page)

    assert answer.status_code == 200
