"""Read tokens on the wire: who may issue them, and what they allow."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import structlog
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.access import Quota, Rate, Scope
from aether.domain.image import Image
from aether.domain.job import Change, Status
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from tests.event_streams import Listener, parsed
from tests.fakes import FastClock, MemoryJobStore
from tests.service.api_harness import ApiHarness, assert_field_error, finished_step
from tests.service.resources import CHECKLISTS, EVERY_KIND, GENERATIONS, REPORTS, RESOURCES, UNKNOWN, Resource
from tests.service.test_api_authentication import PUBLIC, operations

Client = AsyncTestClient[Litestar]
Headers = dict[str, str]

OTHER_JOB = "11111111-1111-4111-8111-111111111111"
EVES_JOB = "22222222-2222-4222-8222-222222222222"
IMAGE = Image("image/png", 4, "0" * 64)
INVALID_TOKEN = "aejt_" + "a" * 43
COMPLETED = Change(status=Status.COMPLETED)
READ_OPERATIONS = {f"{verb}{each.api.name}" for verb in ("get", "stream") for each in RESOURCES} | {
    "exportChecklist",
    "exportReport",
    "getGenerationImage",
}
REFUSED = "The token does not read this job, or not any more."


@pytest.fixture
def harness() -> ApiHarness:
    """An API whose clock a test can set."""
    return ApiHarness(store=MemoryJobStore(clock=FastClock()))


@pytest.fixture
async def key(harness: ApiHarness) -> Headers:
    return await harness.authorization("ada")


def bearer(text: str) -> Headers:
    return {"Authorization": f"Bearer {text}"}


async def issue_token(client: Client, key: Headers, resource: Resource = REPORTS, **fields: int) -> dict[str, str]:
    answer = await client.post(resource.url(action="/token"), json=fields or None, headers=key)
    assert answer.status_code == 201, answer.text
    token: dict[str, str] = answer.json()
    return token


def credentials(text: str) -> Iterator[dict[str, Any]]:
    """Yield the arguments that send a token: in the header, and in the query."""
    yield {"headers": bearer(text)}
    yield {"params": {"access_token": text}}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]


@EVERY_KIND
async def test_a_token_is_issued_with_the_url_of_the_events(
    client: Client, harness: ApiHarness, key: Headers, resource: Resource
) -> None:
    members = ["token", resource.name("expires_at"), "url"]
    await harness.create_job(resource, owner="ada")
    answer = await client.post(resource.url(action="/token"), headers=key)

    token = answer.json()
    events = f"http://testserver.local{resource.url(action='/events')}?access_token={token['token']}"
    assert (answer.status_code, list(token), token["url"]) == (201, members, events)
    assert datetime.fromisoformat(token[members[1]]) - harness.store.clock.now() == timedelta(minutes=15)
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


async def test_the_url_has_the_prefix_of_the_request(client: Client, harness: ApiHarness, key: Headers) -> None:
    await harness.create_report(owner="ada")

    token = (await client.post(f"/api/v1/reports/{UNKNOWN}/token", headers=key)).json()

    assert token["url"].startswith(f"http://testserver.local/api/v1/reports/{UNKNOWN}/events?")


@EVERY_KIND
async def test_the_caller_chooses_the_lifetime(
    client: Client, harness: ApiHarness, key: Headers, resource: Resource
) -> None:
    await harness.create_job(resource, owner="ada")
    asked, told = resource.name("expires_in"), resource.name("expires_at")
    ends = [(await issue_token(client, key, resource, **{asked: seconds}))[told] for seconds in (60, 3_600)]

    now = harness.store.clock.now()
    assert [datetime.fromisoformat(end) - now for end in ends] == [timedelta(minutes=1), timedelta(hours=1)]


@pytest.mark.parametrize(("asked", "rule"), [(59, "must be at least 60"), (3_601, "must be at most 3600")])
async def test_the_lifetime_is_between_a_minute_and_an_hour(
    client: Client, harness: ApiHarness, key: Headers, asked: int, rule: str
) -> None:
    await harness.create_report(owner="ada")
    path = f"/reports/{UNKNOWN}/token"

    assert_field_error(await client.post(path, json={"expiresIn": asked}, headers=key), path, "expiresIn", rule)
    assert harness.tokens.tokens == {}


@EVERY_KIND
async def test_a_token_reads_the_job_and_its_events(
    client: Client, harness: ApiHarness, key: Headers, resource: Resource
) -> None:
    await harness.create_job(resource, owner="ada")
    await harness.process(UNKNOWN, COMPLETED)
    token = await issue_token(client, key, resource)
    job_response = await client.get(resource.url(), headers=key)

    for credential in credentials(token["token"]):
        get, head = await client.get(resource.url(), **credential), await client.head(resource.url(), **credential)
        assert (get.status_code, get.content, head.status_code) == (200, job_response.content, 200)
        assert get.headers["Cache-Control"].startswith("private")
    events = parsed((await client.get(token["url"])).content)
    assert [event.name for event in events] == ["snapshot", resource.words[Status.COMPLETED].lower()]


async def test_a_token_reads_the_images(client: Client, harness: ApiHarness, key: Headers) -> None:
    await harness.create_job(GENERATIONS, owner="ada")
    await harness.process(UNKNOWN, Change(total=1, steps=(finished_step("image:0", 0, IMAGE),)), COMPLETED)
    await harness.files.put(UNKNOWN, IMAGE.digest, b"\x89PNG")
    token = await issue_token(client, key, GENERATIONS)

    answers = [
        await client.get(GENERATIONS.url(action="/images/0"), **credential)
        for credential in credentials(token["token"])
    ]

    assert [answer.content for answer in answers] == [b"\x89PNG"] * 2


async def test_a_token_allows_nothing_else(client: Client, harness: ApiHarness, key: Headers) -> None:
    """This does not depend on whether the token is valid: it is not even loaded."""
    await harness.create_report(owner="ada")
    token = (await issue_token(client, key))["token"]
    before = harness.store.jobs[UNKNOWN]
    found = await operations(client)
    harness.tokens.calls = 0

    for name in found.keys() - PUBLIC - READ_OPERATIONS:
        method, path, _ = found[name]
        for text in (token, INVALID_TOKEN):
            for credential in credentials(text):
                answer = await client.request(method, path, **credential)
                challenge = 'Bearer realm="aether", error="insufficient_scope"'
                assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (403, challenge), (name, credential)
                assert answer.json()["detail"].startswith("A read token is for reading the job that it was made for")
    assert (harness.tokens.calls, harness.store.jobs[UNKNOWN]) == (0, before)


async def test_the_document_declares_which_operations_accept_a_token(client: Client) -> None:
    declared = {name: operation.get("security") for name, (_, _, operation) in (await operations(client)).items()}
    document = (await client.get("/schema/openapi.json")).json()

    taking = {name for name, security in declared.items() if security and {"readToken": []} in security}
    assert taking == READ_OPERATIONS
    assert all(
        security == [{}, {"bearerAuth": []}, {"readToken": []}] for name, security in declared.items() if name in taking
    )
    assert document["security"] == [{}, {"bearerAuth": []}]
    scheme = document["components"]["securitySchemes"]["readToken"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "query", "access_token")


async def test_every_other_job_is_rejected_alike(client: Client, harness: ApiHarness, key: Headers) -> None:
    """Whoever owns it, whether it has tokens of its own, whatever its kind, and even if it does not exist."""
    for job_id, owner in ((UNKNOWN, "ada"), (OTHER_JOB, "ada"), (EVES_JOB, "eve")):
        await harness.create_report(job_id, owner=owner)
    await client.post(f"/reports/{OTHER_JOB}/token", headers=key)
    text = (await issue_token(client, key))["token"]
    nowhere = "99999999-9999-4999-8999-999999999999"
    paths = [
        *(f"/reports/{job_id}{below}" for job_id in (OTHER_JOB, EVES_JOB, nowhere, "x") for below in ("", "/events")),
        *(f"/api/generation/{job_id}/images/0" for job_id in (OTHER_JOB, EVES_JOB, nowhere, "x")),
    ]

    answers = [await client.get(path, **credential) for path in paths for credential in credentials(text)]

    assert {error_of(answer) for answer in answers} == {(401, REFUSED)}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {
        'Bearer realm="aether", error="invalid_token"'
    }
    bodies = {msgspec.json.encode(answer.json() | {"instance": ""}) for answer in answers}
    assert len(bodies) == 1


async def test_under_the_path_of_another_kind_the_job_is_unknown(
    client: Client, harness: ApiHarness, key: Headers
) -> None:
    await harness.create_report(owner="ada")
    text = (await issue_token(client, key))["token"]

    answers = [await client.get(CHECKLISTS.url(), headers=sent) for sent in (bearer(text), key)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


async def test_an_expired_token_is_rejected(client: Client, harness: ApiHarness, key: Headers) -> None:
    await harness.create_report(owner="ada")
    token = await issue_token(client, key, expiresIn=60)
    assert isinstance(harness.store.clock, FastClock)
    harness.store.clock.seconds += 60

    assert error_of(await client.get(token["url"])) == (401, REFUSED)


async def test_deleting_a_job_deletes_its_tokens(client: Client, harness: ApiHarness, key: Headers) -> None:
    await harness.create_report(owner="ada")
    token = await issue_token(client, key)

    await client.delete(f"/reports/{UNKNOWN}", headers=key)

    assert error_of(await client.get(token["url"])) == (401, REFUSED)


async def test_an_open_stream_continues_after_its_token_has_expired(harness: ApiHarness, key: Headers) -> None:
    await harness.create_report(owner="ada")
    async with harness.client() as client:
        path = (await issue_token(client, key))["url"].removeprefix("http://testserver.local")
    async with Listener(harness.local_app(), path) as listener:
        first = await listener.next()
        assert isinstance(harness.store.clock, FastClock)
        harness.store.clock.seconds += 3_600
        await harness.process(UNKNOWN, COMPLETED)
        rest = await listener.rest()
    async with harness.client() as client:
        again = await client.get(path, headers={"Last-Event-ID": str(first.id)})

    assert (first.name, rest[-1].name, again.status_code) == ("snapshot", "completed", 401)


@pytest.mark.parametrize(("scope", "status"), [(Scope.READ, 201), (Scope.WRITE, 403), (Scope.ADMIN, 201)], ids=str)
async def test_the_read_scope_allows_issuing_tokens(
    client: Client, harness: ApiHarness, scope: Scope, status: int
) -> None:
    await harness.create_report(owner="ada")

    answer = await client.post(f"/reports/{UNKNOWN}/token", headers=await harness.authorization("ada", scope))

    assert answer.status_code == status


async def test_tokens_are_issued_and_verified_even_if_no_key_is_needed(client: Client, harness: ApiHarness) -> None:
    await harness.create_report()
    token = await issue_token(client, {})

    answers = [
        await client.get(f"/reports/{UNKNOWN}", params={"access_token": text})
        for text in (token["token"], INVALID_TOKEN)
    ]

    assert [answer.status_code for answer in answers] == [200, 401]


async def test_the_query_accepts_no_other_credential(client: Client, harness: ApiHarness, key: Headers) -> None:
    """Not even one that is valid in the header."""
    await harness.create_report(owner="ada")
    text = key["Authorization"].removeprefix("Bearer ")

    for path in ("/reports", f"/reports/{UNKNOWN}"):
        for sent in (text, "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", ""):
            answer = await client.get(path, params={"access_token": sent})
            assert answer.status_code == 401
            assert answer.json()["detail"].startswith("An address gets into logs and histories")
            assert not sent or sent not in answer.text


async def test_a_credential_is_sent_only_once(client: Client, harness: ApiHarness, key: Headers) -> None:
    await harness.create_report(owner="ada")
    token = (await issue_token(client, key))["token"]
    path = f"/reports/{UNKNOWN}"

    answers = [
        await client.get(path, params={"access_token": token}, headers=bearer(token)),
        await client.get(path, params={"access_token": token}, headers=key),
        await client.get(path, params={"access_token": [token, token]}),
        await client.get(f"{path}?access_token={token}&access%5Ftoken={INVALID_TOKEN}"),
    ]

    assert [error_of(answer) for answer in answers] == [(401, "Send one credential, and that only once.")] * 4


async def test_a_token_may_be_combined_with_other_parameters(client: Client, harness: ApiHarness, key: Headers) -> None:
    await harness.create_report(owner="ada")
    await harness.process(UNKNOWN, COMPLETED)
    token = await issue_token(client, key)
    version = harness.store.jobs[UNKNOWN].version

    assert (await client.get(f"{token['url']}&after={version}")).status_code == 204


async def test_requests_with_a_token_count_as_those_of_its_issuer(client: Client, harness: ApiHarness) -> None:
    _, secret = await ApiKeys(harness.keys, SystemClock()).create("ada", quota=Quota(Rate(3, 60.0)))
    await harness.create_report(owner="ada")
    token = await issue_token(client, bearer(secret.reveal()))

    answers = [await client.get(f"/reports/{UNKNOWN}", headers=bearer(token["token"])) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=3;w=60'


async def test_a_token_is_neither_logged_nor_shown_in_problems(
    client: Client, harness: ApiHarness, key: Headers
) -> None:
    await harness.create_report(owner="ada")
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        token = await issue_token(client, key)
        gone = token["url"].replace(UNKNOWN, OTHER_JOB)
        answers = [await client.get(url) for url in (gone, gone + "&after=x", token["url"] + "&after=x")]

    (key_in_store,) = harness.keys.stored.keys
    assert [answer.status_code for answer in answers] == [401, 401, 422]
    assert (
        token["token"] not in f"{logs} {[answer.text for answer in answers]} {[answer.headers for answer in answers]}"
    )
    assert answers[2].json()["instance"] == f"/reports/{UNKNOWN}/events"
    assert [line["route"] for line in logs if line["event"] == "request.answered"][1:] == [
        "/reports/{jobId}/events"
    ] * 3
    assert logs[-1]["key_id"] == key_in_store.id


async def test_while_the_store_is_unavailable_a_token_allows_nothing(
    client: Client, harness: ApiHarness, key: Headers
) -> None:
    await harness.create_report(owner="ada")
    token = await issue_token(client, key)
    harness.store.is_unavailable = True

    answer = await client.get(token["url"])

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
