"""Authentication on the wire: keys, scopes and local callers."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import structlog
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.access import Scope
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from tests.service.api_harness import ApiHarness
from tests.service.resources import RESOURCES, UNKNOWN

Client = AsyncTestClient[Litestar]

ADMIN = {"setEndpoint", "deleteEndpoint", "getWebhookSecret", "rotateWebhookSecret"}
KINDS = [each.api.name for each in RESOURCES]
WRITE = {f"{verb}{kind}" for verb in ("create", "cancel", "retry", "delete") for kind in KINDS} | {
    "acknowledgeNotifications",
    "replayDelivery",
    "copyTemplate",
    "setTemplate",
    "deleteTemplate",
}
SHARE = {f"create{kind}Token" for kind in KINDS}
PUBLIC = {"getLiveness", "getReadiness"}
UNAUTHENTICATED = "urn:aether:problem:unauthenticated"


async def operations(client: Client) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return the operations of the document by id: the method, a path, and the declaration."""
    document = msgspec.json.decode((await client.get("/schema/openapi.json")).content)
    return {
        operation["operationId"]: (method.upper(), _fill(path), operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def _fill(path: str) -> str:
    names = dict.fromkeys((each.api.id_name for each in RESOURCES), UNKNOWN)
    return path.format(**names, deliveryId="none", position="0", name="none", format="md")


async def test_without_a_key_only_public_operations_are_allowed(client: Client, harness: ApiHarness) -> None:
    await harness.authorization("ada")

    answers = {
        name: await client.request(method, path) for name, (method, path, _) in (await operations(client)).items()
    }

    refused = {name for name, answer in answers.items() if answer.status_code == 401}
    assert answers.keys() - refused == PUBLIC
    assert {answers[name].headers["WWW-Authenticate"] for name in refused} == {'Bearer realm="aether"'}
    assert {answers[name].json()["type"] for name in refused} == {UNAUTHENTICATED}


async def test_the_document_declares_which_operations_need_a_credential(client: Client) -> None:
    declared = {name: operation for name, (_, _, operation) in (await operations(client)).items()}

    assert {name for name, operation in declared.items() if operation.get("security") == []} == PUBLIC
    for status in ("401", "403"):
        assert {name for name, operation in declared.items() if status not in operation["responses"]} == PUBLIC


@pytest.mark.parametrize(
    ("scopes", "forbidden"),
    [
        ([Scope.READ], WRITE | ADMIN),
        ([Scope.WRITE], None),
        ([Scope.READ, Scope.WRITE], ADMIN),
        ([Scope.ADMIN], set()),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
async def test_a_key_allows_what_its_scopes_allow(
    client: Client, harness: ApiHarness, scopes: list[Scope], forbidden: set[str] | None
) -> None:
    sent = await harness.authorization("ada", *scopes)
    harness.hub.close()  # so that streams end

    found = await operations(client)
    answers = {name: await client.request(method, path, headers=sent) for name, (method, path, _) in found.items()}

    looking = {name for name, (method, _, _) in found.items() if method == "GET"} - PUBLIC | SHARE
    refused = {name for name, answer in answers.items() if answer.status_code == 403}
    assert refused == (looking | ADMIN if forbidden is None else forbidden)
    assert 401 not in {answer.status_code for answer in answers.values()}


async def test_a_missing_scope_is_named(client: Client, harness: ApiHarness) -> None:
    answer = await client.post(
        "/reports", json={"topic": "Rome"}, headers=await harness.authorization("ada", Scope.READ)
    )

    challenge = 'Bearer realm="aether", error="insufficient_scope", scope="write"'
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (403, challenge)
    assert answer.json() == {
        "type": "urn:aether:problem:forbidden",
        "title": "Not allowed",
        "status": 403,
        "detail": "This takes the scope write, which your credentials do not have.",
        "instance": "/reports",
    }
    assert harness.store.jobs == {}


async def test_jobs_belong_to_the_owner_of_the_key(client: Client, harness: ApiHarness) -> None:
    answer = await client.post(
        "/reports", json={"topic": "Rome"}, headers=await harness.authorization("ada@example.com")
    )

    assert answer.status_code == 202
    assert [job.owner for job in harness.store.jobs.values()] == ["ada@example.com"]


@pytest.mark.parametrize("sent", ["Basic YTpi", "aether_aaaaaaaaaaaa_b", "Token x", ""])
async def test_another_scheme_is_rejected_with_the_right_one(client: Client, harness: ApiHarness, sent: str) -> None:
    await harness.authorization("ada")

    answer = await client.get("/reports", headers={"Authorization": sent})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')
    assert answer.json()["detail"] == "Use the scheme Bearer: Authorization: Bearer aether_…."


@pytest.mark.parametrize("sent", ["Bearer", "Bearer "])
async def test_a_bearer_header_without_a_key_is_rejected(client: Client, harness: ApiHarness, sent: str) -> None:
    await harness.authorization("ada")

    answer = await client.get("/reports", headers={"Authorization": sent})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')
    assert answer.json()["detail"] == "Nothing stands behind Bearer: Authorization: Bearer aether_…."


@pytest.mark.parametrize("text", ["x", f"aether_{'a' * 12}_{'b' * 43}", "aether_" + "é" * 56, "a b", "x" * 9_000])
async def test_an_unknown_key_is_rejected(client: Client, harness: ApiHarness, text: str) -> None:
    await harness.authorization("ada")

    answer = await client.get("/reports", headers={b"Authorization": f"Bearer {text}".encode("latin-1")})

    assert (answer.status_code, answer.json()["type"]) == (401, UNAUTHENTICATED)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="aether", error="invalid_token"'
    assert text not in answer.text.replace("aether", "")


async def test_the_scheme_may_have_any_case_and_be_followed_by_spaces(client: Client, harness: ApiHarness) -> None:
    text = (await harness.authorization("ada"))["Authorization"].removeprefix("Bearer ")

    statuses = [
        (await client.get("/reports", headers={"Authorization": f"{scheme}{text}"})).status_code
        for scheme in ("bearer ", "BEARER ", "Bearer   ")
    ]

    assert statuses == [200, 200, 200]


async def test_two_authorization_headers_are_rejected(harness: ApiHarness) -> None:
    scope = connection_scope(("127.0.0.1", 8000), "localhost")
    scope["headers"] += [
        (b"authorization", (await harness.authorization(owner))["Authorization"].encode()) for owner in ("a", "b")
    ]

    assert await status_of(harness, scope) == 401
    scope["headers"].pop()
    assert await status_of(harness, scope) == 200


async def test_the_log_contains_the_id_of_the_key_but_neither_its_text_nor_its_owner(harness: ApiHarness) -> None:
    sent = await harness.authorization("ada@example.com", Scope.READ)
    (key,) = harness.keys.stored.keys
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        async with harness.client() as client:
            await client.get("/reports", headers=sent)
            await client.post("/reports", headers=sent)
            await client.get("/health/live")

    named = [line.get("key_id") for line in logs if line["event"] == "request.answered"]
    assert named == [key.id, key.id, None]
    assert sent["Authorization"][-20:] not in str(logs)
    assert "ada@" not in str(logs)


async def test_options_needs_no_key(client: Client, harness: ApiHarness) -> None:
    await harness.authorization("ada")

    answers = [await client.options(path) for path in ("/reports", f"/reports/{UNKNOWN}", "/webhooks/secret")]

    assert {answer.status_code for answer in answers} == {204}


async def test_docs_schema_and_health_checks_need_no_key(client: Client, harness: ApiHarness) -> None:
    await harness.authorization("ada")
    harness.keys.is_unavailable = True

    answers = [await client.get(path) for path in ("/docs", "/schema/openapi.json", "/health/live", "/health/ready")]

    assert [answer.status_code for answer in answers] == [200] * 4


async def test_an_invalid_key_is_rejected_even_if_none_is_needed(client: Client) -> None:
    answer = await client.get("/reports", headers={"Authorization": "Bearer something"})

    assert answer.status_code == 401


@pytest.mark.parametrize("sent", [{}, {"Authorization": f"Bearer aether_{'a' * 12}_{'b' * 43}"}], ids=["none", "a key"])
async def test_while_the_key_store_is_unavailable_every_call_is_rejected(
    client: Client, harness: ApiHarness, sent: dict[str, str]
) -> None:
    harness.keys.is_unavailable = True

    answer = await client.get("/reports", headers=sent)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:store-unavailable")
    assert answer.headers["Retry-After"] == "2"


async def test_once_a_key_was_created_every_call_needs_one_even_if_it_is_revoked(harness: ApiHarness) -> None:
    scope = connection_scope(("127.0.0.1", 8000), "localhost")
    before = await status_of(harness, scope)
    await harness.authorization("ada")
    await ApiKeys(harness.keys, SystemClock()).revoke("ada")

    assert (before, await status_of(harness, scope)) == (200, 401)


def connection_scope(
    server: tuple[str, int | None], host: str, client: tuple[str, int] | None = None
) -> dict[str, Any]:
    """Return the scope of a request to this address, as uvicorn builds it."""
    headers = [(b"host", host.encode())] if host else []
    address = {"server": server, "client": client, "scheme": "http", "root_path": "", "http_version": "1.1"}
    return {"type": "http", "method": "GET", "path": "/reports", "query_string": b"", "headers": headers, **address}


async def status_of(harness: ApiHarness, scope: dict[str, Any]) -> int:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await harness.local_app()(scope, receive, send)  # type: ignore[arg-type]  # a scope as a server builds it
    status: int = sent[0]["status"]
    return status


@pytest.mark.parametrize(
    ("server", "host"),
    [
        (("127.0.0.1", 8000), "127.0.0.1:8000"),
        (("127.0.0.1", 8000), "localhost:8000"),
        (("127.0.0.1", 8000), "LocalHost"),
        (("127.8.8.8", 80), "127.1.2.3"),
        (("::1", 8000), "[::1]:8000"),
        (("::ffff:127.0.0.1", 8000), "localhost:8000"),
        (("/run/aether.sock", None), "localhost"),
    ],
)
async def test_local_calls_need_no_key_while_there_are_none(server: tuple[str, int | None], host: str) -> None:
    assert await status_of(ApiHarness(allow_anonymous=False), connection_scope(server, host)) == 200


@pytest.mark.parametrize(
    ("server", "host"),
    [
        (("10.0.0.5", 8000), "10.0.0.5:8000"),
        (("10.0.0.5", 8000), "localhost:8000"),
        (("::", 8000), "[::1]:8000"),
        (("example.com", None), "localhost"),
        # After DNS rebinding, a page's requests have the page's own host name.
        (("127.0.0.1", 8000), "rebound.example:8000"),
        (("127.0.0.1", 8000), "localhost.example"),
        (("127.0.0.1", 8000), "127.0.0.1.example"),
        (("127.0.0.1", 8000), "10.0.0.5"),
        (("127.0.0.1", 8000), ""),
        (("/run/aether.sock", None), "aether.example"),
    ],
)
async def test_other_calls_need_a_key(server: tuple[str, int | None], host: str) -> None:
    assert await status_of(ApiHarness(allow_anonymous=False), connection_scope(server, host)) == 401
    assert await status_of(ApiHarness(allow_anonymous=True), connection_scope(server, host)) == 200


@pytest.mark.parametrize(
    ("client", "status"),
    [
        *((client, 200) for client in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")),
        *((client, 401) for client in ("203.0.113.9", "2001:db8::9", "::ffff:203.0.113.9", "unknown", "")),
    ],
)
async def test_a_client_behind_a_local_proxy_is_not_local(client: str, status: int) -> None:
    scope = connection_scope(("127.0.0.1", 8000), "localhost", (client, 0))

    assert await status_of(ApiHarness(allow_anonymous=False), scope) == status


async def test_two_host_headers_are_not_local() -> None:
    scope = connection_scope(("127.0.0.1", 8000), "localhost")
    scope["headers"] *= 2

    assert await status_of(ApiHarness(allow_anonymous=False), scope) == 401


async def test_a_server_of_unknown_address_is_not_local() -> None:
    scope = connection_scope(("127.0.0.1", 8000), "localhost")
    del scope["server"]

    assert await status_of(ApiHarness(allow_anonymous=False), scope) == 401


async def test_a_remote_caller_is_told_how_to_create_a_key() -> None:
    harness = ApiHarness(allow_anonymous=False)
    async with AsyncClient(transport=ASGITransport(harness.local_app()), base_url="http://aether.example") as stranger:  # type: ignore[arg-type]  # httpx's own words for an app
        answer = await stranger.get("/reports")

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')
    assert "`aether keys create NAME`" in answer.json()["detail"]


async def test_an_expired_key_is_rejected_as_expired(client: Client, harness: ApiHarness) -> None:
    _, secret = await ApiKeys(harness.keys, SystemClock()).create("ci", expires_in=timedelta(microseconds=1))

    answer = await client.get("/reports", headers={"Authorization": f"Bearer {secret.reveal()}"})

    assert (answer.status_code, answer.json()["detail"]) == (401, "The key has expired.")
