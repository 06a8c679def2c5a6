"""Problems: every error is one (RFC 9457), with the wire's field names and without internals."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import msgspec
import pytest
import structlog
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.testing import AsyncTestClient
from msgspec.structs import replace

from aether.domain.job import Status
from aether.durable.ports import NewJob
from aether.errors import NotDurableError
from tests.fakes import MemoryJobStore
from tests.service.api_harness import ApiHarness
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def harness() -> ApiHarness:
    return ApiHarness()


@pytest.fixture
async def client(harness: ApiHarness) -> AsyncIterator[Client]:
    async with harness.client(max_body=2_000) as client:
        yield client


INVALID_BODIES = [
    (b"{}", "topic", "is required"),
    (b'{"topic":"Rome","foo":1}', "foo", "is not a known field"),
    (b'{"topic":"Rome","Tone":"dry"}', "Tone", "is not a known field; did you mean tone?"),
    (b'{"topic":5}', "topic", "must be a string, not a whole number"),
    (b'{"topic":null}', "topic", "must be a string, not null"),
    (b'{"topic":"   "}', "topic", "must be 1 to 300 characters long, without the space around it"),
    (b'{"topic":"%s"}' % (b"a" * 301), "topic", "must be 1 to 300 characters long, without the space around it"),
    (b'{"topic":"a\\u0000b"}', "topic", "must not contain control characters"),
    (b'{"topic":"a\\nb"}', "topic", "must not contain control characters"),
    (b'{"topic":"Rome","sections":"3"}', "sections", "must be a whole number, not a string"),
    (b'{"topic":"Rome","sections":0}', "sections", "must be at least 1"),
    (b'{"topic":"Rome","sections":21}', "sections", "must be at most 20"),
    (b'{"topic":"Rome","sections":2.5}', "sections", "must be a whole number, not a fraction"),
    (b'{"topic":"Rome","sections":true}', "sections", "must be a whole number, not true or false"),
    (b'{"topic":"Rome","outline":[]}', "outline", "must have at least 1 item"),
    (b'{"topic":"Rome","outline":["a",5]}', "outline[1]", "must be a string or an object, not a whole number"),
    (
        b'{"topic":"Rome","outline":["a"," "]}',
        "outline[1]",
        "must be 1 to 200 characters long, without the space around it",
    ),
    (b'{"topic":"Rome","outline":["a","##"]}', "outline[1]", "must hold words, not only marks"),
    (b'{"topic":"Rome","outline":"a"}', "outline", "must be a list, not a string"),
    (b'{"topic":"Rome","length":"epic"}', "length", "must be one of: brief, standard, detailed"),
    (
        b'{"topic":"Rome","webhook":{"url":"https://a.example","events":["completed","done"]}}',
        "webhook.events[1]",
        "must be one of: cancelled, completed, failed",
    ),
    (
        b'{"topic":"Rome","instructions":"a\\u0007"}',
        "instructions",
        "must not contain control characters other than line breaks",
    ),
    (b'{"topic":"Rome","metadata":{"":"a"}}', "metadata", "has a key that must have at least 1 character"),
    (b'{"topic":"Rome","metadata":{"a":1}}', "metadata", "has a value that must be a string, not a whole number"),
    (b'{"topic":"Rome","metadata":[]}', "metadata", "must be an object, not a list"),
    (b'{"topic":"Rome","sections":1e400}', "sections", "is a number out of range"),
    (b'{"topic":"Rome","metadata":{"a":1e400}}', "metadata", "has a value that is a number out of range"),
    (b'{"topic":"Rome","":1}', '""', "is not a known field"),
    (b"[]", "$", "must be an object, not a list"),
    (b'"Rome"', "$", "must be an object, not a string"),
    (b"null", "$", "must be an object, not null"),
]


@pytest.mark.parametrize(("body", "field", "rule"), INVALID_BODIES, ids=lambda value: str(value)[:40])
async def test_a_broken_rule_is_named_with_its_field(
    client: Client, harness: ApiHarness, body: bytes, field: str, rule: str
) -> None:
    answer = await client.post("/reports", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert answer.json() == {
        "type": "urn:aether:problem:invalid-field",
        "title": "A field breaks a rule",
        "status": 422,
        "detail": f"{field}: {rule}",
        "instance": "/reports",
        "errors": [{"field": field, "rule": rule}],
    }
    assert harness.store.jobs == {}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"topic=Rome",
        b'{"topic":"\xff"}',
        b'{"topic":"\\ud800"}',
        b'{"topic":NaN}',
        b'{"topic":"a"} x',
        b"\x00",
        b" ",
    ],
)
async def test_what_is_not_json_is_malformed(client: Client, body: bytes) -> None:
    answer = await client.post("/reports", content=body, headers=JSON)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:aether:problem:malformed-body")


async def test_no_body_is_malformed(client: Client) -> None:
    answer = await client.post("/reports", headers=JSON)

    assert (answer.status_code, answer.json()["detail"]) == (400, "The body must be a JSON object; there is none.")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"]
)
async def test_a_body_of_another_content_type_is_rejected(client: Client, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    answer = await client.post("/reports", content=b'{"topic":"Rome"}', headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (415, "urn:aether:problem:unsupported-body")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"],
)
async def test_every_json_content_type_is_accepted(client: Client, content_type: str) -> None:
    answer = await client.post("/reports", content=b'{"topic":"Rome"}', headers={"Content-Type": content_type})

    assert answer.status_code == 202


@pytest.mark.parametrize("declared", [True, False], ids=["with a length", "in chunks"])
async def test_a_body_over_the_limit_is_rejected(client: Client, *, declared: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"a" * 100

    # Litestar's own client cannot send chunks.
    async with AsyncClient(transport=ASGITransport(client.app), base_url="http://test") as sender:
        answer = await sender.post("/reports", content=b"a" * 3_000 if declared else chunks(), headers=JSON)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:aether:problem:body-too-large")
    assert answer.json()["detail"] == "The body is larger than 2000 bytes."


async def test_an_incomplete_body_is_a_client_error(client: Client) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"20")]
    scope = {"type": "http", "method": "POST", "path": "/reports", "query_string": b"", "headers": headers}
    await client.app(scope, receive, send)

    assert sent[0]["status"] == 400
    assert msgspec.json.decode(sent[1]["body"])["type"] == "urn:aether:problem:bad-request"


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/schema/nothing", "/schema/other.yaml", "/docs/0/start.js", "/n%C3%B6/%3Cb%3E", "/reports/a/b/c"],
)
async def test_an_unknown_path_is_not_found(client: Client, path: str) -> None:
    answer = await client.get(path)

    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert answer.json() == {
        "type": "urn:aether:problem:not-found",
        "title": "Nothing here",
        "status": 404,
        "detail": "Nothing is served at this path.",
        "instance": path,
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/reports", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/jobs/", "GET, HEAD, OPTIONS, POST"),
        ("POST", f"/api/generation/{UNKNOWN}/images/0", "GET, HEAD, OPTIONS"),
        ("PATCH", f"/reports/{UNKNOWN}", "DELETE, GET, HEAD, OPTIONS"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_method_that_is_not_allowed_is_rejected_with_those_that_are(
    client: Client, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)
    options = await client.options(path)

    assert (answer.status_code, answer.json()["type"]) == (405, "urn:aether:problem:method-not-allowed")
    assert answer.headers["Allow"] == allowed
    assert (options.status_code, options.headers["Allow"]) == (204, allowed)


@pytest.mark.parametrize(
    ("status", "action", "detail"),
    [
        (Status.PROCESSING, "retry", "A job that is running cannot be tried again."),
        (Status.COMPLETED, "retry", "A job that has completed cannot be tried again."),
        (Status.COMPLETED, "cancel", "A job that has completed cannot be cancelled."),
        (Status.FAILED, "cancel", "A job that has failed cannot be cancelled."),
    ],
)
async def test_a_move_that_the_status_does_not_allow_is_rejected(
    client: Client, harness: ApiHarness, status: Status, action: str, detail: str
) -> None:
    job_id = await harness.create_report()
    harness.store.jobs[job_id] = replace(harness.store.jobs[job_id], status=status)

    answer = await client.post(f"/reports/{job_id}/{action}")

    assert answer.json() == {
        "type": "urn:aether:problem:illegal-move",
        "title": "The job's status does not allow it",
        "status": 409,
        "detail": detail,
        "instance": f"/reports/{job_id}/{action}",
    }


async def test_a_full_queue_has_a_retry_after(client: Client, harness: ApiHarness) -> None:
    harness.store.max_queue_length = 0

    answer = await client.post("/reports", json={"topic": "Rome"})

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:queue-full")
    assert answer.headers["Retry-After"] == "5"


async def test_an_unavailable_store_has_a_retry_after(client: Client, harness: ApiHarness) -> None:
    harness.store.is_unavailable = True

    answer = await client.get(f"/reports/{UNKNOWN}")

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:store-unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["detail"] == "The job store is unavailable."


class ForgetfulStore(MemoryJobStore):
    """A store that makes no job durable, and cannot always withdraw it."""

    may_run = False

    async def create(self, job: NewJob, max_jobs: int | None = None) -> str:
        del job, max_jobs
        raise NotDurableError("a replica of Redis", 2.0, may_run=self.may_run)


@pytest.mark.parametrize(
    ("may_run", "fate"),
    [
        (False, "It was withdrawn."),
        (True, "It may run all the same: the same request with the same Idempotency-Key finds it."),
    ],
)
@pytest.mark.parametrize(("path", "body"), [("/reports", {"topic": "Rome"}), ("/jobs/", {"input_text": "Wash."})])
async def test_a_job_that_is_not_durable_has_a_retry_after_and_its_fate(
    path: str, body: dict[str, str], *, may_run: bool, fate: str
) -> None:
    store = ForgetfulStore()
    store.may_run = may_run
    async with ApiHarness(store=store).client() as client:
        answer = await client.post(path, json=body)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:not-durable")
    assert answer.json()["detail"] == f"Within 2 s a replica of Redis did not confirm the job. {fate}"
    assert answer.headers["Retry-After"] == "2"


class BrokenStore(MemoryJobStore):
    async def load(self, job_id: str) -> None:
        raise RuntimeError(f"password=hunter2 {job_id}")


async def test_an_unexpected_error_shows_only_the_request_id() -> None:
    with structlog.testing.capture_logs() as logs:
        async with ApiHarness(store=BrokenStore()).client() as client:
            answer = await client.get(f"/reports/{UNKNOWN}", headers={"X-Request-Id": "my-id"})

    assert answer.json() == {
        "type": "urn:aether:problem:internal-error",
        "title": "Aether failed",
        "status": 500,
        "detail": "The log says why, under this request's id.",
        "instance": f"/reports/{UNKNOWN}",
        "requestId": "my-id",
    }
    failures = [line for line in logs if line["log_level"] == "error"]
    assert [(line["event"], type(line["exc_info"])) for line in failures] == [("request.failed", RuntimeError)]
