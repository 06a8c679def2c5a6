"""The middleware: request ids, security headers, HEAD and OPTIONS, and the access log."""

from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.api.state import Readiness
from tests.service.api_harness import ApiHarness
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
PATHS = [
    *("/reports", f"/reports/{UNKNOWN}", f"/jobs/{UNKNOWN}/", f"/api/generation/{UNKNOWN}/images/0"),
    *("/", "/nothing", "/health/live", "/docs", "/schema/openapi.json", "/schema/nothing"),
]


@pytest.mark.parametrize("path", PATHS)
async def test_a_valid_request_id_is_kept(client: Client, path: str) -> None:
    answer = await client.get(path, headers={"X-Request-Id": "Trace-1.a_b"})

    assert answer.headers["X-Request-Id"] == "Trace-1.a_b"


@pytest.mark.parametrize("request_id", [b"", b"a b", b"a\tb", b"\xe9", b"x" * 129, b'{"a":1}'])
async def test_an_invalid_request_id_is_replaced(client: Client, request_id: bytes) -> None:
    answers = [await client.get("/health/live", headers={b"X-Request-Id": request_id}) for _ in range(2)]

    first, second = (answer.headers["X-Request-Id"] for answer in answers)
    assert first != second
    assert len(first) == len(second) == 32


async def test_two_request_ids_are_replaced(client: Client) -> None:
    answer = await client.get("/health/live", headers=[("X-Request-Id", "one"), ("X-Request-Id", "two")])

    assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize("path", PATHS)
async def test_every_response_has_security_headers(client: Client, path: str) -> None:
    answer = await client.get(path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Cache-Control" in answer.headers
    assert "Strict-Transport-Security" not in answer.headers


async def test_responses_over_tls_have_an_hsts_header(client: Client) -> None:
    answers = [await client.get(f"{scheme}://test/nothing") for scheme in ("http", "https")]

    headers = [answer.headers.get("Strict-Transport-Security") for answer in answers]
    assert headers == [None, "max-age=31536000"]


async def test_the_docs_page_gets_no_permissions(client: Client) -> None:
    answer = await client.get("/docs")

    assert "camera=()" in answer.headers["Permissions-Policy"]


async def test_the_root_redirects_to_the_docs(client: Client) -> None:
    answer = await client.get("/", follow_redirects=True)

    assert (answer.url.path, answer.status_code) == ("/docs", 200)


async def test_the_document_is_not_sent_again_to_a_caller_that_has_it(client: Client) -> None:
    first = await client.get("/schema/openapi.json")
    again = await client.get("/schema/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    other = await client.get("/schema/openapi.json", headers={"If-None-Match": '"other"'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", ["/schema/openapi.json", "/docs", "/reports"])
async def test_options_has_no_body(client: Client, path: str) -> None:
    answer = await client.options(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["Allow"].split(", "))


async def test_head_is_answered_like_get_without_a_body(client: Client, harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN)

    got = await client.get(f"/reports/{UNKNOWN}")
    head = await client.head(f"/reports/{UNKNOWN}")

    assert head.content == b""
    assert (head.status_code, head.headers["ETag"]) == (200, got.headers["ETag"])
    assert head.headers["Content-Length"] == str(len(got.content))


@pytest.mark.parametrize("tags", [['"x"', '"{}"'], ['"{}"', '"x"'], ["", '"x", "{}"']])
async def test_a_list_header_may_have_several_lines(client: Client, harness: ApiHarness, tags: list[str]) -> None:
    await harness.create_report(UNKNOWN)
    version = harness.store.jobs[UNKNOWN].version

    lines = [("If-None-Match", tag.format(version)) for tag in tags]
    answer = await client.get(f"/reports/{UNKNOWN}", headers=lines)

    assert answer.status_code == 304


async def test_every_request_is_logged_once_without_its_content(harness: ApiHarness) -> None:
    logs = await _log_of(harness, "GET", f"/reports/{UNKNOWN}?after=1234567", None)

    (line,) = logs
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request.answered",
        "log_level": "info",
        "method": "GET",
        "route": "/reports/{jobId}",
        "status": 404,
        "request_id": "my-id",
        "job_id": UNKNOWN,
    }


async def test_the_access_log_contains_the_id_of_a_new_job(harness: ApiHarness) -> None:
    (line,) = await _log_of(harness, "POST", "/reports", {"topic": "A secret"})

    assert [line["job_id"]] == list(harness.store.jobs)
    assert "secret" not in str(line)


async def test_an_unknown_path_is_not_logged(harness: ApiHarness) -> None:
    (line,) = await _log_of(harness, "GET", "/etc/passwd", None)

    assert (line["route"], line["status"]) == (None, 404)
    assert "passwd" not in str(line)


async def test_a_successful_health_check_is_logged_at_debug_level(harness: ApiHarness) -> None:
    (line,) = await _log_of(harness, "GET", "/health/ready", None)
    harness.readiness = Readiness("Redis does not answer")
    (news,) = await _log_of(harness, "GET", "/health/ready", None)

    assert (line["log_level"], news["log_level"]) == ("debug", "info")


async def test_addresses_contain_the_prefix_of_a_proxy(client: Client) -> None:
    behind = ASGITransport(client.app, root_path="/aether")
    async with AsyncClient(transport=behind, base_url="http://test") as caller:
        accepted = await caller.post("/aether/api/v1/reports", json={"topic": "Rome"})
        job = await caller.get(accepted.headers["Location"])
        page = await caller.get("/aether/docs")

    assert accepted.headers["Location"].startswith("/aether/api/v1/reports/")
    assert job.status_code == 200
    assert 'data-document="/aether/schema/openapi.json"' in page.text


async def _log_of(harness: ApiHarness, method: str, path: str, body: object) -> list[MutableMapping[str, Any]]:
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as logs:
        async with harness.client() as client:
            await client.request(method, path, json=body, headers={"X-Request-Id": "my-id"})
    return [line for line in logs if line["event"].startswith("request.")]
