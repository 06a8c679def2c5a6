"""Rate limits: the headers, rejected requests, and the buckets of owners and keys."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
import structlog
from httpx import Response
from litestar import Litestar
from litestar.testing import AsyncTestClient, RequestFactory

from aether.api.guards.rate_limit import RateLimitGuard
from aether.domain.access import Caller, Quota, Rate, Scope
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from tests.fakes import FastClock
from tests.service.api_harness import ApiHarness
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
POLICY = '"requests";q=3;w=60'
FIRST_STATE = '"requests";r=2;t=20'
JOB = f"/reports/{UNKNOWN}"


@pytest.fixture
def clock(harness: ApiHarness) -> FastClock:
    assert isinstance(harness.limiter.clock, FastClock)
    return harness.limiter.clock


@pytest.fixture
async def limited(harness: ApiHarness) -> AsyncIterator[Client]:
    """A client that may send three requests in a minute."""
    await harness.create_report()
    async with harness.client(rate_limit="3/60") as client:
        yield client


def rate_limit_headers(answer: Response) -> tuple[str | None, str | None]:
    return answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")


async def exhaust(client: Client) -> Response:
    """Send requests until one is rejected, and return its response."""
    for _ in range(3):
        await client.get(JOB)
    return await client.get(JOB)


async def test_every_response_has_the_rate_limit_headers(limited: Client) -> None:
    answers = [await limited.get(JOB) for _ in range(3)]

    assert [(POLICY, f'"requests";r={left};t={within}') for left, within in ((2, 20), (1, 40), (0, 20))] == [
        rate_limit_headers(answer) for answer in answers
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_request_over_the_limit_has_a_retry_after(limited: Client) -> None:
    answer = await exhaust(limited)

    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert answer.headers["Retry-After"] == "20"
    assert rate_limit_headers(answer) == (POLICY, '"requests";r=0;t=20')
    assert answer.json() == {
        "type": "urn:aether:problem:rate-limited",
        "title": "Too many requests",
        "status": 429,
        "detail": "The limit of 3 requests in 60 s is reached.",
        "instance": JOB,
    }


async def test_retry_after_is_rounded_up_to_whole_seconds(limited: Client, clock: FastClock) -> None:
    await exhaust(limited)

    waits = []
    for seconds in (0.5, 18.7, 0.7):
        clock.seconds += seconds
        waits.append((await limited.get(JOB)).headers["Retry-After"])
    clock.seconds += float(waits[-1])

    assert waits == ["20", "1", "1"]
    assert [(await limited.get(JOB)).status_code for _ in range(2)] == [200, 429]


async def test_a_rejected_request_is_not_read_and_changes_nothing(limited: Client, harness: ApiHarness) -> None:
    await exhaust(limited)

    asked = await limited.post("/reports", json={"topic": "Rome"})
    broken = await limited.post("/reports", content=b"{", headers={"Content-Type": "application/json"})

    assert [asked.status_code, broken.status_code] == [429, 429]
    assert list(harness.store.jobs) == [UNKNOWN]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/reports", b'{"topic":"Rome"}', 202),
        ("POST", "/reports", b"{", 400),
        ("POST", "/reports", b"{}", 422),
        ("GET", "/reports/x", None, 404),
        ("GET", "/reports?limit=0", None, 422),
        ("GET", "/notifications", None, 200),
        ("GET", "/webhooks/endpoint", None, 404),
        ("HEAD", JOB, None, 200),
        ("DELETE", JOB, None, 204),
        ("POST", f"{JOB}/cancel", None, 200),
    ],
)
async def test_responses_of_every_status_have_the_headers(
    limited: Client, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = await limited.request(method, path, content=body, headers={"Content-Type": "application/json"})

    assert (status, POLICY, FIRST_STATE) == (answer.status_code, *rate_limit_headers(answer))


async def test_a_304_has_the_headers(limited: Client, harness: ApiHarness) -> None:
    tag = f'"{harness.store.jobs[UNKNOWN].version}"'

    answer = await limited.get(JOB, headers={"If-None-Match": tag})

    assert (answer.status_code, *rate_limit_headers(answer)) == (304, POLICY, FIRST_STATE)


async def test_a_stream_has_the_headers_and_is_one_request(limited: Client, harness: ApiHarness) -> None:
    await limited.post(f"{JOB}/cancel")

    stream = await limited.get(f"{JOB}/events")
    ended = await limited.get(JOB, headers={"Prefer": "wait=5"})

    assert [rate_limit_headers(stream), rate_limit_headers(ended)] == [
        (POLICY, '"requests";r=1;t=40'),
        (POLICY, '"requests";r=0;t=20'),
    ]
    assert "event: cancelled" in stream.text
    assert ended.headers["Preference-Applied"] == "wait=5"
    assert len(harness.limiter.owners) == 3


async def test_the_retry_after_of_a_job_is_unchanged(limited: Client) -> None:
    asked = await limited.post("/reports", json={"topic": "Rome"})
    polled = await limited.get(asked.headers["Location"])

    assert [answer.headers["Retry-After"] for answer in (asked, polled)] == ["1", "1"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/schema/openapi.json", "/nothing"])
async def test_public_operations_take_no_token(limited: Client, harness: ApiHarness, path: str) -> None:
    answers = [await limited.get(path) for _ in range(5)]

    assert {(None, None)} == {rate_limit_headers(answer) for answer in answers}
    assert 429 not in {answer.status_code for answer in answers}
    assert harness.limiter.owners == []


async def key_with_rate(harness: ApiHarness, name: str, owner: str, rate: Rate | None = None) -> dict[str, str]:
    """Create a key with this rate, and return its header."""
    keys = ApiKeys(harness.keys, SystemClock())
    _, secret = await keys.create(name, owner, scopes=[Scope.ADMIN], quota=Quota(rate))
    return {"Authorization": f"Bearer {secret.reveal()}"}


async def test_the_rate_of_a_key_takes_precedence_over_that_of_the_service(
    limited: Client, harness: ApiHarness
) -> None:
    ada = await key_with_rate(harness, "ada", "ada", Rate(100, 50.0))

    answer = await limited.get("/reports", headers=ada)

    assert rate_limit_headers(answer) == ('"requests";q=100;w=50', '"requests";r=99;t=1')


async def test_a_key_may_have_a_rate_if_the_service_has_none(client: Client, harness: ApiHarness) -> None:
    ada = await key_with_rate(harness, "ada", "ada", Rate(1, 1.5))
    grace = await key_with_rate(harness, "grace", "grace")

    answers = [await client.get("/reports", headers=ada) for _ in range(2)]
    other = await client.get("/reports", headers=grace)

    assert [(answer.status_code, *rate_limit_headers(answer)) for answer in answers] == [
        (200, '"requests";q=1;w=2', '"requests";r=0;t=2'),
        (429, '"requests";q=1;w=2', '"requests";r=0;t=2'),
    ]
    assert (other.status_code, rate_limit_headers(other)) == (200, (None, None))


async def test_all_keys_of_an_owner_share_one_bucket(limited: Client, harness: ApiHarness) -> None:
    laptop, desk = await key_with_rate(harness, "laptop", "ada"), await key_with_rate(harness, "desk", "ada")
    grace = await key_with_rate(harness, "grace", "grace")

    answers = [await limited.get("/reports", headers=key) for key in (laptop, desk, laptop, desk, grace)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 200]


async def test_a_key_with_a_rate_of_its_own_has_a_separate_bucket(limited: Client, harness: ApiHarness) -> None:
    slow, fast = (
        await key_with_rate(harness, "slow", "ada", Rate(2, 3_600.0)),
        await key_with_rate(harness, "fast", "ada"),
    )
    sent = [slow, fast, slow, fast, slow, fast, fast]

    statuses = [(await limited.get("/reports", headers=key)).status_code for key in sent]

    assert statuses == [200, 200, 200, 200, 429, 200, 429]


async def test_an_unauthenticated_request_takes_no_token(limited: Client, harness: ApiHarness) -> None:
    await key_with_rate(harness, "ada", "ada")

    answers = [await limited.get(JOB, headers=sent) for sent in ({}, {"Authorization": "Bearer aether_x"})]

    assert [(answer.status_code, rate_limit_headers(answer)) for answer in answers] == [(401, (None, None))] * 2
    assert harness.limiter.owners == []


async def test_without_a_rate_the_limiter_is_not_called(client: Client, harness: ApiHarness) -> None:
    await harness.create_report()

    answers = [await client.get(JOB) for _ in range(5)]

    assert [rate_limit_headers(answer) for answer in answers] == [(None, None)] * 5
    assert harness.limiter.owners == []


async def test_while_the_limiter_is_unavailable_requests_pass_and_one_line_is_logged(harness: ApiHarness) -> None:
    await harness.create_report()
    harness.limiter.is_unavailable = True
    async with harness.client(rate_limit="1/60") as client:
        with structlog.testing.capture_logs() as first:
            answers = [await client.get(JOB) for _ in range(3)]
        harness.limiter.is_unavailable = False
        back = [await client.get(JOB) for _ in range(2)]
        harness.limiter.is_unavailable = True
        with structlog.testing.capture_logs() as second:
            await client.get(JOB)
        harness.limiter.is_unavailable = False
        await client.get(JOB)

    assert [(answer.status_code, rate_limit_headers(answer)) for answer in answers] == [(200, (None, None))] * 3
    assert [answer.status_code for answer in back] == [200, 429]
    expected = {"event": "rate_limit.suspended", "reason": "away", "log_level": "warning"}
    assert [[expected], [expected]] == [_suspensions(logs) for logs in (first, second)]


async def test_a_limiter_that_does_not_respond_times_out(harness: ApiHarness) -> None:
    harness.limiter.is_unresponsive = True
    asked = RequestFactory(harness.local_app()).get(JOB)
    asked.scope["state"] |= {"caller": Caller("ada", frozenset()), "headers": {}}

    with structlog.testing.capture_logs() as logs:
        await RateLimitGuard(Rate(1, 60.0), timeout_s=0.01)(asked, asked.route_handler)

    assert asked.scope["state"]["headers"] == {}
    assert logs == [{"event": "rate_limit.suspended", "reason": "timeout", "log_level": "warning"}]


def _suspensions(logs: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [line for line in logs if line["event"].startswith("rate_limit.")]
