"""CORS: requests of pages of other origins."""

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.api.state import Readiness
from aether.domain.access import Scope
from tests.fakes import MemoryJobStore
from tests.service.api_harness import ApiHarness
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
APP = "https://app.example.com"
LOCAL = "http://localhost:3000"
PREFLIGHT = {
    "Origin": APP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


@pytest.fixture
async def cors_client(harness: ApiHarness) -> AsyncIterator[Client]:
    """A client of the API with two allowed origins."""
    async with harness.client(cors_origins=f"{APP},{LOCAL}") as client:
        yield client


def header_values(answer: httpx.Response, name: str) -> set[str]:
    return set(answer.headers.get(name, "").lower().replace(" ", "").split(","))


@pytest.mark.parametrize("origin", [APP, LOCAL])
async def test_a_page_of_an_allowed_origin_can_read_the_response(cors_client: Client, origin: str) -> None:
    answer = await cors_client.get("/reports", headers={"Origin": origin})

    assert answer.headers["Access-Control-Allow-Origin"] == origin
    readable = header_values(answer, "Access-Control-Expose-Headers")
    assert {"location", "etag", "retry-after", "ratelimit", "preference-applied", "x-request-id"} <= readable
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "origin", ["https://app.example.com.evil.test", "http://app.example.com", "https://app.example.com:8443", "null"]
)
async def test_a_page_of_another_origin_cannot_read_the_response(cors_client: Client, origin: str) -> None:
    answer = await cors_client.get("/reports", headers={"Origin": origin})
    preflight = await cors_client.options("/reports", headers=PREFLIGHT | {"Origin": origin})

    allowed = [name for each in (answer, preflight) for name in each.headers if name.startswith("access-control-")]
    assert allowed == []


async def test_no_origin_is_allowed_by_default(client: Client) -> None:
    answer = await client.get("/reports", headers={"Origin": APP})
    preflight = await client.options("/reports", headers=PREFLIGHT)

    names = {*answer.headers, *preflight.headers}
    assert [name for name in names if name.startswith("access-control-") or name == "vary"] == []


async def test_caches_store_a_response_for_each_origin(cors_client: Client) -> None:
    answers = [
        await cors_client.get("/reports", headers=headers) for headers in ({}, {"Origin": APP}, {"Origin": "null"})
    ]
    asset = await cors_client.get("/docs", headers={"Origin": APP})

    assert ["origin" in header_values(answer, "Vary") for answer in (*answers, asset)] == [True] * 4


async def test_a_preflight_request_needs_no_key(harness: ApiHarness) -> None:
    harness.allow_anonymous = False
    async with harness.client(cors_origins=APP) as client:
        answer = await client.options("/reports", headers=PREFLIGHT)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert {"get", "post", "put", "delete"} <= header_values(answer, "Access-Control-Allow-Methods")
    sendable = header_values(answer, "Access-Control-Allow-Headers")
    assert {"authorization", "content-type", "idempotency-key", "last-event-id", "prefer", "if-none-match"} <= sendable


async def test_cookies_are_never_allowed(cors_client: Client) -> None:
    answers = [
        await cors_client.get("/reports", headers={"Origin": APP, "Cookie": "a=b"}),
        await cors_client.options("/reports", headers=PREFLIGHT),
    ]

    assert ["access-control-allow-credentials" in answer.headers for answer in answers] == [False, False]


async def test_options_without_a_preflight_header_lists_the_methods(cors_client: Client) -> None:
    answer = await cors_client.options("/reports", headers={"Origin": APP})

    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_an_allowed_page_can_read_problems(harness: ApiHarness) -> None:
    harness.readiness = Readiness("Redis does not answer")
    async with harness.client(max_body=10, cors_origins=APP) as client:
        answers = [
            await client.get("/nothing", headers={"Origin": APP}),
            await client.get(f"/reports/{UNKNOWN}", headers={"Origin": APP}),
            await client.post("/reports", json={"topic": "Rome"}, headers={"Origin": APP}),
            await client.patch("/reports", headers={"Origin": APP}),
            await client.get("/health/ready", headers={"Origin": APP}),
        ]

    results = [(answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) for answer in answers]
    assert results == [(404, APP), (404, APP), (413, APP), (405, APP), (503, APP)]


async def test_an_allowed_page_can_read_a_401_and_a_429(harness: ApiHarness) -> None:
    harness.allow_anonymous = False
    page = {"Origin": APP, **await harness.authorization("page", Scope.READ)}
    async with harness.client(cors_origins=APP, rate_limit="1/60") as client:
        unknown = await client.get("/reports", headers={"Origin": APP})
        answers = [await client.get("/reports", headers=page) for _ in range(2)]

    results = [
        (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) for answer in (unknown, *answers)
    ]
    assert results == [(401, APP), (200, APP), (429, APP)]


class _BrokenStore(MemoryJobStore):
    async def load(self, _: str) -> NoReturn:
        raise RuntimeError("nobody expected this")


async def test_an_allowed_page_can_read_a_500() -> None:
    async with ApiHarness(store=_BrokenStore()).client(cors_origins=APP) as client:
        answer = await client.get(f"/reports/{UNKNOWN}", headers={"Origin": APP})

    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (500, APP)


async def test_an_allowed_page_can_read_a_stream(harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN)
    async with harness.client(cors_origins=APP) as client:
        reading = asyncio.create_task(client.get(f"/reports/{UNKNOWN}/events", headers={"Origin": APP}))
        await client.post(f"/reports/{UNKNOWN}/cancel")
        answer = await reading

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
