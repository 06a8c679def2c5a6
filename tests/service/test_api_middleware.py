"""What every answer has, whatever was asked: an id, safe headers, one line in the log."""

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
async def test_the_callers_request_id_comes_back(client: Client, path: str) -> None:
    answer = await client.get(path, headers={"X-Request-Id": "Trace-1.a_b"})

    assert answer.headers["X-Request-Id"] == "Trace-1.a_b"


@pytest.mark.parametrize("given", [b"", b"a b", b"a\tb", b"\xe9", b"x" * 129, b'{"a":1}'])
async def test_an_id_unfit_for_a_log_is_replaced(client: Client, given: bytes) -> None:
    answers = [await client.get("/health/live", headers={b"X-Request-Id": given}) for _ in range(2)]

    first, second = (answer.headers["X-Request-Id"] for answer in answers)
    assert first != second
    assert len(first) == len(second) == 32


async def test_two_ids_are_none(client: Client) -> None:
    answer = await client.get("/health/live", headers=[("X-Request-Id", "one"), ("X-Request-Id", "two")])

    assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize("path", PATHS)
async def test_browsers_are_told_to_be_careful(client: Client, path: str) -> None:
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


async def test_whoever_came_by_tls_is_to_come_by_it_again(client: Client) -> None:
    answers = [await client.get(f"{scheme}://test/nothing") for scheme in ("http", "https")]

    said = [answer.headers.get("Strict-Transport-Security") for answer in answers]
    assert said == [None, "max-age=31536000"]


async def test_a_page_may_use_nothing_of_the_machine_it_is_shown_on(client: Client) -> None:
    answer = await client.get("/docs")

    assert "camera=()" in answer.headers["Permissions-Policy"]


async def test_the_address_of_the_service_leads_to_its_docs(client: Client) -> None:
    answer = await client.get("/", follow_redirects=True)

    assert (answer.url.path, answer.status_code) == ("/docs", 200)


async def test_the_document_is_sent_once_to_each_who_keeps_it(client: Client) -> None:
    first = await client.get("/schema/openapi.json")
    again = await client.get("/schema/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    other = await client.get("/schema/openapi.json", headers={"If-None-Match": '"other"'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", ["/schema/openapi.json", "/docs", "/reports"])
async def test_who_asks_for_the_methods_of_a_path_is_sent_no_body(client: Client, path: str) -> None:
    answer = await client.options(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["Allow"].split(", "))


async def test_head_answers_as_get_would_without_the_body(client: Client, harness: ApiHarness) -> None:
    await harness.create_report(UNKNOWN)

    got = await client.get(f"/reports/{UNKNOWN}")
    head = await client.head(f"/reports/{UNKNOWN}")

    assert head.content == b""
    assert (head.status_code, head.headers["ETag"]) == (200, got.headers["ETag"])
    assert head.headers["Content-Length"] == str(len(got.content))


@pytest.mark.parametrize("tags", [['"x"', '"{}"'], ['"{}"', '"x"'], ["", '"x", "{}"']])
async def test_a_list_may_come_in_several_lines(client: Client, harness: ApiHarness, tags: list[str]) -> None:
    await harness.create_report(UNKNOWN)
    version = harness.store.jobs[UNKNOWN].version

    lines = [("If-None-Match", tag.format(version)) for tag in tags]
    answer = await client.get(f"/reports/{UNKNOWN}", headers=lines)

    assert answer.status_code == 304


async def test_every_request_leaves_one_line_without_its_words(harness: ApiHarness) -> None:
    logs = await _logged(harness, "GET", f"/reports/{UNKNOWN}?token=secret", None)

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


async def test_the_line_of_an_accepted_job_names_it(harness: ApiHarness) -> None:
    (line,) = await _logged(harness, "POST", "/reports", {"topic": "A secret"})

    assert [line["job_id"]] == list(harness.store.jobs)
    assert "secret" not in str(line)


async def test_a_path_that_nothing_is_served_at_is_not_written_down(harness: ApiHarness) -> None:
    (line,) = await _logged(harness, "GET", "/etc/passwd", None)

    assert (line["route"], line["status"]) == (None, 404)
    assert "passwd" not in str(line)


async def test_a_probe_that_finds_all_well_is_no_news(harness: ApiHarness) -> None:
    (line,) = await _logged(harness, "GET", "/health/ready", None)
    harness.readiness = Readiness(redis=False, worker=False)
    (news,) = await _logged(harness, "GET", "/health/ready", None)

    assert (line["log_level"], news["log_level"]) == ("debug", "info")


async def test_behind_a_prefix_addresses_carry_it(client: Client) -> None:
    behind = ASGITransport(client.app, root_path="/aether")
    async with AsyncClient(transport=behind, base_url="http://test") as caller:
        accepted = await caller.post("/aether/api/v1/reports", json={"topic": "Rome"})
        seen = await caller.get(accepted.headers["Location"])
        page = await caller.get("/aether/docs")

    assert accepted.headers["Location"].startswith("/aether/api/v1/reports/")
    assert seen.status_code == 200
    assert 'data-document="/aether/schema/openapi.json"' in page.text


async def _logged(harness: ApiHarness, method: str, path: str, body: object) -> list[MutableMapping[str, Any]]:
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as logs:
        async with harness.client() as client:
            await client.request(method, path, json=body, headers={"X-Request-Id": "my-id"})
    return [line for line in logs if line["event"].startswith("request.")]
