import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs

from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.sources import jwks_source
from aether.adapters.jwt.verifier import JwtVerifier
from aether.errors import IdentityProviderUnavailableError, InvalidCredentialError
from tests.identity_provider import KeyServer, Published, Signer
from tests.token_verifiers import POLICY, AheadClock
from tests.waiting import PATIENCE_S, eventually

FIRST = Signer(kid="first")
SECOND = Signer(kid="second", number=1)


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(FIRST.jwk()) as server:
        yield server


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@asynccontextmanager
async def open_verifier(server: KeyServer, clock: AheadClock) -> AsyncIterator[JwtVerifier]:
    async with JwtVerifier.open(server.url, POLICY, clock) as verifier:
        yield verifier


async def result_of(verifier: JwtVerifier, signer: Signer) -> str:
    """Return the owner, or the name of the error."""
    try:
        return (await verifier.verify(signer.token())).owner
    except (InvalidCredentialError, IdentityProviderUnavailableError) as error:
        return type(error).__name__


async def is_refused(verifier: JwtVerifier, signer: Signer) -> bool:
    return await result_of(verifier, signer) == "InvalidCredentialError"


async def test_keys_are_fetched_from_the_provider(server: KeyServer, clock: AheadClock) -> None:
    async with open_verifier(server, clock) as verifier:
        assert [await result_of(verifier, FIRST) for _ in range(3)] == ["ada"] * 3

    assert server.fetches == 1


async def test_a_rotation_needs_no_restart(server: KeyServer, clock: AheadClock) -> None:
    async with open_verifier(server, clock) as verifier:
        before = [await result_of(verifier, signer) for signer in (FIRST, SECOND)]
        server.published.keys = (FIRST.jwk(), SECOND.jwk())
        clock.seconds = 10.0
        during = [await result_of(verifier, signer) for signer in (FIRST, SECOND)]
        server.published.keys = (SECOND.jwk(),)
        clock.seconds = 310.0
        await result_of(verifier, SECOND)
        await eventually(lambda: server.fetches == 3)
        clock.seconds = 320.0
        await eventually(lambda: is_refused(verifier, FIRST))  # what was fetched has yet to be read
        after = [await result_of(verifier, signer) for signer in (FIRST, SECOND)]

    assert (before, during, after) == (
        ["ada", "InvalidCredentialError"],
        ["ada", "ada"],
        ["InvalidCredentialError", "ada"],
    )


async def test_a_flood_of_unknown_keys_does_not_reach_the_provider(server: KeyServer, clock: AheadClock) -> None:
    async with open_verifier(server, clock) as verifier:
        await result_of(verifier, FIRST)
        clock.seconds = 10.0
        flood = [result_of(verifier, Signer(kid=f"forged-{number}")) for number in range(200)]

        assert set(await asyncio.gather(*flood)) == {"InvalidCredentialError"}
        assert server.fetches == 2


async def test_a_provider_that_is_down_at_the_start_does_not_delay_it(server: KeyServer, clock: AheadClock) -> None:
    server.published.status = 503

    async with open_verifier(server, clock) as verifier:
        down = await result_of(verifier, FIRST)
        server.published.status = 200
        clock.seconds = 1.0

        assert (down, await result_of(verifier, FIRST)) == ("IdentityProviderUnavailableError", "ada")


async def test_the_last_keys_are_used_while_the_provider_is_down(server: KeyServer, clock: AheadClock) -> None:
    async with open_verifier(server, clock) as verifier:
        await result_of(verifier, FIRST)
        server.published.status = 500
        clock.seconds = 3_600.0

        assert await result_of(verifier, FIRST) == "ada"
        await eventually(lambda: server.fetches == 2)
        assert await result_of(verifier, FIRST) == "ada"


async def test_a_refused_connection_is_an_error(clock: AheadClock) -> None:
    with KeyServer() as gone:
        url = gone.url

    async with JwtVerifier.open(url, POLICY, clock) as verifier:
        assert await result_of(verifier, FIRST) == "IdentityProviderUnavailableError"


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        (Published(status=404), "it answered 404"),
        (Published(body=b"<html>"), "it is no JWK set"),
        (Published(), "no key in it fits an accepted algorithm"),
        (Published(body=b" " * (1024 * 1024 + 1)), "its answer is larger than 1 MiB"),
        (
            Published(body=gzip.compress(b" " * 2**25), headers={"Content-Encoding": "gzip"}),
            "its answer is larger than 1 MiB",
        ),
    ],
    ids=["status", "no JSON", "no keys", "too large", "too large once unpacked"],
)
async def test_an_unusable_answer_is_an_error(
    published: Published, reason: str, server: KeyServer, clock: AheadClock
) -> None:
    server.published = published

    with capture_logs() as logged:
        async with open_verifier(server, clock) as verifier:
            assert await result_of(verifier, FIRST) == "IdentityProviderUnavailableError"

    assert [(entry["event"], entry["reason"]) for entry in logged] == [("identity.keys_unavailable", reason)]


async def test_a_redirect_is_not_followed(server: KeyServer, clock: AheadClock) -> None:
    with KeyServer(FIRST.jwk()) as elsewhere:
        server.published = Published(status=302, headers={"Location": elsewhere.url})
        async with open_verifier(server, clock) as verifier:
            assert await result_of(verifier, FIRST) == "IdentityProviderUnavailableError"

        assert elsewhere.fetches == 0


@pytest.mark.parametrize(
    ("cache_control", "fresh_s"),
    [
        (None, 300.0),
        ("no-cache", 300.0),
        ("public, max-age=600", 600.0),
        ("max-age=5", 60.0),
        ('Max-Age="120", immutable', 120.0),
        ("max-age=31536000", 86_400.0),
        ("x-max-age=600", 300.0),
        ("max-age=soon", 300.0),
    ],
)
async def test_keys_are_fresh_as_long_as_the_provider_says(
    cache_control: str | None, fresh_s: float, server: KeyServer
) -> None:
    server.published.headers = {"Cache-Control": cache_control} if cache_control else {}
    parse = partial(KeySet.parse, algorithms=POLICY.algorithms)
    async with jwks_source(server.url, parse) as source:
        assert fresh_s == (await source.fetch()).fresh_s


async def test_callers_of_a_slow_provider_share_its_answer(server: KeyServer, clock: AheadClock) -> None:
    server.published.gate = threading.Event()
    async with open_verifier(server, clock) as verifier:
        waiting = [asyncio.create_task(result_of(verifier, FIRST)) for _ in range(50)]
        await eventually(lambda: server.fetches == 1)
        server.published.gate.set()

        assert set(await asyncio.gather(*waiting)) == {"ada"}

    assert server.fetches == 1


async def test_the_end_of_the_block_does_not_wait_for_the_provider(server: KeyServer, clock: AheadClock) -> None:
    server.published.gate = threading.Event()

    async with asyncio.timeout(PATIENCE_S), open_verifier(server, clock):
        await eventually(lambda: server.fetches == 1)

    assert not server.published.gate.is_set()
