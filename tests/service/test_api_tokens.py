"""Tokens of an identity provider on the wire."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.access import Scope
from tests.identity_provider import AUDIENCE, ISSUER, KeyServer, Signer, seconds_from_now
from tests.processes.process import Process
from tests.service.api_harness import ApiHarness
from tests.service.stack import API, Stack, _port_of
from tests.token_verifiers import AheadClock, ScriptedSource, open_verifier
from tests.waiting import PATIENCE_S, until

Client = AsyncTestClient[Litestar]
Headers = dict[str, str]
SIGNER = Signer()
TOPIC = {"topic": "The Lighthouse of Alexandria"}


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource((SIGNER.jwk(),))


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
async def client(harness: ApiHarness, source: ScriptedSource, clock: AheadClock) -> AsyncIterator[Client]:
    """A client of the API with a provider whose keys were fetched."""
    async with open_verifier(source, clock) as verifier:
        await verifier.verify(SIGNER.token())
        harness.identities = verifier
        async with harness.client() as client:
            yield client


def bearer(signer: Signer = SIGNER, **claims: object) -> Headers:
    return {"Authorization": f"Bearer {signer.token(**claims)}"}


async def test_a_job_belongs_to_the_subject_of_the_token(client: Client) -> None:
    job = (await client.post("/reports", json=TOPIC, headers=bearer(sub="ada"))).headers["Location"]

    answers = [await client.get(job, headers=bearer(sub=subject)) for subject in ("ada", "eve")]

    assert [answer.status_code for answer in answers] == [200, 404]


async def test_a_subject_and_the_owner_of_a_key_may_be_the_same(client: Client, harness: ApiHarness) -> None:
    key = await harness.authorization("ada", Scope.READ)
    job = (await client.post("/reports", json=TOPIC, headers=bearer(sub="ada"))).headers["Location"]

    assert (await client.get(job, headers=key)).status_code == 200


async def test_with_a_provider_every_call_needs_a_credential(client: Client) -> None:
    answer = await client.get("/reports")

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')


async def test_the_problem_of_a_rejected_token_says_why(client: Client) -> None:
    answer = await client.get("/reports", headers=bearer(exp=seconds_from_now(-60)))

    assert (answer.status_code, answer.json()["detail"]) == (401, "The token has expired.")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="aether", error="invalid_token"'


async def test_a_token_allows_what_its_scopes_allow(client: Client) -> None:
    reading = bearer(scope="openid aether:read")

    listed = await client.get("/reports", headers=reading)
    created = await client.post("/reports", json=TOPIC, headers=reading)

    assert (listed.status_code, created.status_code) == (200, 403)
    assert 'error="insufficient_scope", scope="write"' in created.headers["WWW-Authenticate"]


async def test_an_unavailable_provider_is_a_503(client: Client, source: ScriptedSource, clock: AheadClock) -> None:
    source.is_unavailable = True
    clock.seconds = 10.0

    answer = await client.get("/reports", headers=bearer(Signer(kid="new")))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["type"] == "urn:aether:problem:identity-provider-unavailable"


async def test_a_key_needs_no_provider(
    client: Client, harness: ApiHarness, source: ScriptedSource, clock: AheadClock
) -> None:
    key = await harness.authorization("ada")
    source.is_unavailable = True
    clock.seconds = 10.0**6

    assert (await client.get("/reports", headers=key)).status_code == 200


@contextmanager
def trusting_api(bare: Stack, provider: KeyServer) -> Iterator[tuple[Process, httpx2.Client]]:
    process = bare.spawn(
        API,
        AETHER_JWT_ISSUER=ISSUER,
        AETHER_JWT_AUDIENCE=AUDIENCE,
        AETHER_JWT_JWKS=provider.url,
        AETHER_LOG_LEVEL="debug",
    )
    try:
        until(lambda: _port_of(process.pid) or not process.running)
        assert process.running, process.tail()
        with httpx2.Client(base_url=f"http://127.0.0.1:{_port_of(process.pid)}", timeout=PATIENCE_S) as http:
            yield process, http
    finally:
        process.end()


def test_a_server_accepts_tokens_of_its_provider(bare: Stack) -> None:
    subject = "ada.lovelace@example.com"
    good, expired = bearer(sub=subject), bearer(sub=subject, exp=seconds_from_now(-60))
    with KeyServer(SIGNER.jwk()) as provider, trusting_api(bare, provider) as (process, http):
        statuses = [http.get("/reports", headers=headers).status_code for headers in (good, expired, {})]
        provider.published.keys = ()
        statuses.append(http.get("/reports", headers=good).status_code)

    assert statuses == [200, 401, 401, 200]
    log = process.log.read_text()
    assert "token.refused" in log
    assert [text for text in (subject, *good["Authorization"].split("."), "eyJ") if text in log] == []


def test_an_incomplete_provider_configuration_is_one_line_of_error(bare: Stack) -> None:
    process = bare.spawn(API, AETHER_JWT_ISSUER=ISSUER)
    until(lambda: not process.running)

    assert process.end() == 2
    (line,) = process.tail().splitlines()
    assert "Set AETHER_JWT_AUDIENCE and AETHER_JWT_JWKS too" in line
