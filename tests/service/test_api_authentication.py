"""Who is let in on the wire, as whom, and what is said to those who are not."""

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
}
SHARE = {f"create{kind}Token" for kind in KINDS}
PUBLIC = {"getLiveness", "getReadiness"}
UNAUTHENTICATED = "urn:aether:problem:unauthenticated"


async def operations(client: Client) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Every operation of the document by its id: its method, a path of it, and what is declared of it."""
    document = msgspec.json.decode((await client.get("/schema/openapi.json")).content)
    return {
        operation["operationId"]: (method.upper(), _filled(path), operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def _filled(path: str) -> str:
    names = dict.fromkeys(("jobId", "event_id", "generationId"), UNKNOWN)
    return path.format(**names, deliveryId="none", position="0")


async def test_without_a_key_only_what_is_public_answers(client: Client, harness: ApiHarness) -> None:
    await harness.authorization("ada")

    answers = {
        name: await client.request(method, path) for name, (method, path, _) in (await operations(client)).items()
    }

    refused = {name for name, answer in answers.items() if answer.status_code == 401}
    assert answers.keys() - refused == PUBLIC
    assert {answers[name].headers["WWW-Authenticate"] for name in refused} == {'Bearer realm="aether"'}
    assert {answers[name].json()["type"] for name in refused} == {UNAUTHENTICATED}


async def test_the_document_says_what_takes_a_key(client: Client) -> None:
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
    ids=lambda given: "-".join(given) if isinstance(given, list) else "",
)
async def test_a_key_may_do_what_its_scopes_say(
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


async def test_who_may_not_is_told_what_it_takes(client: Client, harness: ApiHarness) -> None:
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
async def test_another_scheme_is_told_the_right_one(client: Client, harness: ApiHarness, sent: str) -> None:
    await harness.authorization("ada")

    answer = await client.get("/reports", headers={"Authorization": sent})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')
    assert answer.json()["detail"] == "Use the scheme Bearer: Authorization: Bearer aether_…."


@pytest.mark.parametrize("sent", ["Bearer", "Bearer "])
async def test_whose_key_is_an_empty_variable_is_told_so(client: Client, harness: ApiHarness, sent: str) -> None:
    await harness.authorization("ada")

    answer = await client.get("/reports", headers={"Authorization": sent})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')
    assert answer.json()["detail"] == "Nothing stands behind Bearer: Authorization: Bearer aether_…."


@pytest.mark.parametrize("text", ["x", f"aether_{'a' * 12}_{'b' * 43}", "aether_" + "é" * 56, "a b", "x" * 9_000])
async def test_what_belongs_to_no_key_is_refused(client: Client, harness: ApiHarness, text: str) -> None:
    await harness.authorization("ada")

    answer = await client.get("/reports", headers={b"Authorization": f"Bearer {text}".encode("latin-1")})

    assert (answer.status_code, answer.json()["type"]) == (401, UNAUTHENTICATED)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="aether", error="invalid_token"'
    assert text not in answer.text.replace("aether", "")


async def test_the_scheme_is_taken_in_any_case_and_with_spaces_behind_it(client: Client, harness: ApiHarness) -> None:
    text = (await harness.authorization("ada"))["Authorization"].removeprefix("Bearer ")

    statuses = [
        (await client.get("/reports", headers={"Authorization": f"{scheme}{text}"})).status_code
        for scheme in ("bearer ", "BEARER ", "Bearer   ")
    ]

    assert statuses == [200, 200, 200]


async def test_of_two_keys_none_counts(harness: ApiHarness) -> None:
    scope = asked(("127.0.0.1", 8000), "localhost")
    scope["headers"] += [
        (b"authorization", (await harness.authorization(owner))["Authorization"].encode()) for owner in ("a", "b")
    ]

    assert await status_of(harness, scope) == 401
    scope["headers"].pop()
    assert await status_of(harness, scope) == 200


async def test_the_log_names_the_key_and_neither_its_text_nor_its_owner(harness: ApiHarness) -> None:
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


async def test_docs_schema_and_probes_are_for_everybody(client: Client, harness: ApiHarness) -> None:
    await harness.authorization("ada")
    harness.keys.is_unavailable = True

    answers = [await client.get(path) for path in ("/docs", "/schema/openapi.json", "/health/live", "/health/ready")]

    assert [answer.status_code for answer in answers] == [200] * 4


async def test_what_is_sent_counts_even_where_nobody_needs_to_send_anything(client: Client) -> None:
    answer = await client.get("/reports", headers={"Authorization": "Bearer something"})

    assert answer.status_code == 401


@pytest.mark.parametrize("sent", [{}, {"Authorization": f"Bearer aether_{'a' * 12}_{'b' * 43}"}], ids=["none", "a key"])
async def test_while_nobody_can_say_who_has_a_key_nobody_is_let_in(
    client: Client, harness: ApiHarness, sent: dict[str, str]
) -> None:
    harness.keys.is_unavailable = True

    answer = await client.get("/reports", headers=sent)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:store-unavailable")
    assert answer.headers["Retry-After"] == "2"


async def test_from_the_first_key_on_everybody_needs_one_even_if_it_is_not_valid_any_more(harness: ApiHarness) -> None:
    scope = asked(("127.0.0.1", 8000), "localhost")
    before = await status_of(harness, scope)
    await harness.authorization("ada")
    await ApiKeys(harness.keys, SystemClock()).revoke("ada")

    assert (before, await status_of(harness, scope)) == (200, 401)


def asked(server: tuple[str, int | None], host: str, client: tuple[str, int] | None = None) -> dict[str, Any]:
    """What uvicorn says of a request that came in at this address."""
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
async def test_this_machine_needs_no_key_where_there_is_none(server: tuple[str, int | None], host: str) -> None:
    assert await status_of(ApiHarness(allow_anonymous=False), asked(server, host)) == 200


@pytest.mark.parametrize(
    ("server", "host"),
    [
        (("10.0.0.5", 8000), "10.0.0.5:8000"),
        (("10.0.0.5", 8000), "localhost:8000"),
        (("::", 8000), "[::1]:8000"),
        (("example.com", None), "localhost"),
        # What a page says whose name now leads to this machine.
        (("127.0.0.1", 8000), "rebound.example:8000"),
        (("127.0.0.1", 8000), "localhost.example"),
        (("127.0.0.1", 8000), "127.0.0.1.example"),
        (("127.0.0.1", 8000), "10.0.0.5"),
        (("127.0.0.1", 8000), ""),
        (("/run/aether.sock", None), "aether.example"),
    ],
)
async def test_everybody_else_does(server: tuple[str, int | None], host: str) -> None:
    assert await status_of(ApiHarness(allow_anonymous=False), asked(server, host)) == 401
    assert await status_of(ApiHarness(allow_anonymous=True), asked(server, host)) == 200


@pytest.mark.parametrize(
    ("client", "status"),
    [
        *((client, 200) for client in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")),
        *((client, 401) for client in ("203.0.113.9", "2001:db8::9", "::ffff:203.0.113.9", "unknown", "")),
    ],
)
async def test_whoever_a_proxy_on_this_machine_asks_for_is_not_the_proxy(client: str, status: int) -> None:
    scope = asked(("127.0.0.1", 8000), "localhost", (client, 0))

    assert await status_of(ApiHarness(allow_anonymous=False), scope) == status


async def test_two_hosts_are_none() -> None:
    scope = asked(("127.0.0.1", 8000), "localhost")
    scope["headers"] *= 2

    assert await status_of(ApiHarness(allow_anonymous=False), scope) == 401


async def test_a_server_that_does_not_say_where_it_listens_is_no_local_one() -> None:
    scope = asked(("127.0.0.1", 8000), "localhost")
    del scope["server"]

    assert await status_of(ApiHarness(allow_anonymous=False), scope) == 401


async def test_strangers_are_told_what_to_do() -> None:
    harness = ApiHarness(allow_anonymous=False)
    async with AsyncClient(transport=ASGITransport(harness.local_app()), base_url="http://aether.example") as stranger:  # type: ignore[arg-type]  # httpx's own words for an app
        answer = await stranger.get("/reports")

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')
    assert "`aether keys create NAME`" in answer.json()["detail"]


async def test_a_key_that_has_expired_says_so(client: Client, harness: ApiHarness) -> None:
    _, secret = await ApiKeys(harness.keys, SystemClock()).create("ci", expires_in=timedelta(microseconds=1))

    answer = await client.get("/reports", headers={"Authorization": f"Bearer {secret.reveal()}"})

    assert (answer.status_code, answer.json()["detail"]) == (401, "The key has expired.")
