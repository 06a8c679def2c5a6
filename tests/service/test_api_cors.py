"""Pages of other origins, as browsers ask for them."""

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
async def listed(harness: ApiHarness) -> AsyncIterator[Client]:
    """The API with two origins that may call it."""
    async with harness.client(cors_origins=f"{APP},{LOCAL}") as client:
        yield client


def words(answer: httpx.Response, name: str) -> set[str]:
    return set(answer.headers.get(name, "").lower().replace(" ", "").split(","))


@pytest.mark.parametrize("origin", [APP, LOCAL])
async def test_a_page_of_a_listed_origin_reads_the_answer(listed: Client, origin: str) -> None:
    answer = await listed.get("/reports", headers={"Origin": origin})

    assert answer.headers["Access-Control-Allow-Origin"] == origin
    readable = words(answer, "Access-Control-Expose-Headers")
    assert {"location", "etag", "retry-after", "ratelimit", "preference-applied", "x-request-id"} <= readable
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "origin", ["https://app.example.com.evil.test", "http://app.example.com", "https://app.example.com:8443", "null"]
)
async def test_a_page_of_any_other_origin_reads_nothing(listed: Client, origin: str) -> None:
    answer = await listed.get("/reports", headers={"Origin": origin})
    asked = await listed.options("/reports", headers=PREFLIGHT | {"Origin": origin})

    allowed = [name for each in (answer, asked) for name in each.headers if name.startswith("access-control-")]
    assert allowed == []


async def test_unless_origins_are_listed_there_are_none(client: Client) -> None:
    answer = await client.get("/reports", headers={"Origin": APP})
    asked = await client.options("/reports", headers=PREFLIGHT)

    names = {*answer.headers, *asked.headers}
    assert [name for name in names if name.startswith("access-control-") or name == "vary"] == []


async def test_a_cache_keeps_the_answers_to_origins_apart(listed: Client) -> None:
    answers = [await listed.get("/reports", headers=headers) for headers in ({}, {"Origin": APP}, {"Origin": "null"})]
    asset = await listed.get("/docs", headers={"Origin": APP})

    assert ["origin" in words(answer, "Vary") for answer in (*answers, asset)] == [True] * 4


async def test_a_browser_asks_before_it_sends_a_key_and_without_one(harness: ApiHarness) -> None:
    harness.allow_anonymous = False
    async with harness.client(cors_origins=APP) as client:
        answer = await client.options("/reports", headers=PREFLIGHT)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert {"get", "post", "put", "delete"} <= words(answer, "Access-Control-Allow-Methods")
    sendable = words(answer, "Access-Control-Allow-Headers")
    assert {"authorization", "content-type", "idempotency-key", "last-event-id", "prefer", "if-none-match"} <= sendable


async def test_no_page_is_ever_told_to_send_cookies(listed: Client) -> None:
    answers = [
        await listed.get("/reports", headers={"Origin": APP, "Cookie": "a=b"}),
        await listed.options("/reports", headers=PREFLIGHT),
    ]

    assert ["access-control-allow-credentials" in answer.headers for answer in answers] == [False, False]


async def test_options_that_ask_for_no_leave_tell_the_methods(listed: Client) -> None:
    answer = await listed.options("/reports", headers={"Origin": APP})

    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_page_reads_what_went_wrong(harness: ApiHarness) -> None:
    harness.readiness = Readiness(redis=False, worker=False)
    async with harness.client(max_body=10, cors_origins=APP) as client:
        answers = [
            await client.get("/nothing", headers={"Origin": APP}),
            await client.get(f"/reports/{UNKNOWN}", headers={"Origin": APP}),
            await client.post("/reports", json={"topic": "Rome"}, headers={"Origin": APP}),
            await client.patch("/reports", headers={"Origin": APP}),
            await client.get("/health/ready", headers={"Origin": APP}),
        ]

    told = [(answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) for answer in answers]
    assert told == [(404, APP), (404, APP), (413, APP), (405, APP), (503, APP)]


async def test_a_page_reads_that_its_key_is_missing_or_used_up(harness: ApiHarness) -> None:
    harness.allow_anonymous = False
    page = {"Origin": APP, **await harness.authorization("page", Scope.READ)}
    async with harness.client(cors_origins=APP, rate_limit="1/60") as client:
        unknown = await client.get("/reports", headers={"Origin": APP})
        answers = [await client.get("/reports", headers=page) for _ in range(2)]

    told = [(answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) for answer in (unknown, *answers)]
    assert told == [(401, APP), (200, APP), (429, APP)]


class _BrokenStore(MemoryJobStore):
    async def load(self, _: str) -> NoReturn:
        raise RuntimeError("nobody expected this")


async def test_a_page_reads_a_failure_of_the_service() -> None:
    async with ApiHarness(store=_BrokenStore()).client(cors_origins=APP) as client:
        answer = await client.get(f"/reports/{UNKNOWN}", headers={"Origin": APP})

    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (500, APP)


async def test_a_page_reads_a_stream(harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN)
    async with harness.client(cors_origins=APP) as client:
        reading = asyncio.create_task(client.get(f"/reports/{UNKNOWN}/events", headers={"Origin": APP}))
        await client.post(f"/reports/{UNKNOWN}/cancel")
        answer = await reading

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
