import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from aether.adapters.jwt.verifier import JwtVerifier
from aether.domain.access import Caller, Scope
from aether.errors import InvalidCredentialError
from tests.identity_provider import AUDIENCE, Signer, seconds_from_now
from tests.token_verifiers import AheadClock, ScriptedSource, open_verifier

SIGNER = Signer()
LEEWAY_S = 30
NEAR_S = 20
"""Far enough from a limit that a busy machine does not come near it."""


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource((SIGNER.jwk(),))


@pytest.fixture
async def verifier(source: ScriptedSource, clock: AheadClock) -> AsyncIterator[JwtVerifier]:
    async with open_verifier(source, clock) as opened:
        yield opened


async def rejection(verifier: JwtVerifier, token: str) -> str:
    with pytest.raises(InvalidCredentialError) as refused:
        await verifier.verify(token)
    return str(refused.value)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_the_subject_of_a_token_is_the_owner(algorithm: str, clock: AheadClock) -> None:
    signer = Signer(algorithm)

    async with open_verifier(ScriptedSource((signer.jwk(),)), clock) as verifier:
        caller = await verifier.verify(signer.token(sub="auth0|ada"))

    assert caller == Caller("auth0|ada", frozenset({Scope.READ, Scope.WRITE}))


async def test_one_of_several_audiences_is_enough(verifier: JwtVerifier) -> None:
    assert (await verifier.verify(SIGNER.token(aud=["account", AUDIENCE]))).owner == "ada"


@pytest.mark.parametrize("type_", ["JWT", "jwt", "at+jwt", "application/at+jwt", None])
async def test_access_tokens_of_every_type_are_accepted(type_: str | None, verifier: JwtVerifier) -> None:
    assert (await verifier.verify(SIGNER.token({"typ": type_}))).owner == "ada"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "https://id.example.com/realms/other"}, "The token is not from this service's identity provider."),
        ({"aud": "billing"}, "The token is not for this service."),
        ({"aud": ["billing", "account"]}, "The token is not for this service."),
        ({"exp": seconds_from_now(-86_400)}, "The token has expired."),
        ({"iss": None}, "The token has no iss."),
        ({"aud": None}, "The token has no aud."),
        ({"exp": None}, "The token has no exp."),
        ({"sub": None}, "The token has no sub."),
        ({"exp": "soon"}, "The token is malformed."),
        ({"sub": 7}, "The token is malformed."),
    ],
)
async def test_a_rejection_has_its_reason(claims: dict[str, object], expected: str, verifier: JwtVerifier) -> None:
    assert expected == await rejection(verifier, SIGNER.token(**claims))


@pytest.mark.parametrize("subject", ["", "a" * 256, "a\nb", "a\x00", "a\u2028b", "\ud800", " ada", "ada "])
async def test_a_subject_that_cannot_be_an_owner_is_rejected(subject: str, verifier: JwtVerifier) -> None:
    claim_value = await rejection(verifier, SIGNER.token(sub=subject))

    assert claim_value == "The token's sub must be 1 to 255 printable characters, without space around them."


async def test_the_longest_subject_is_accepted(verifier: JwtVerifier) -> None:
    assert (await verifier.verify(SIGNER.token(sub="ä" * 255))).owner == "ä" * 255


@pytest.mark.parametrize(
    ("claim", "offset"), [("exp", NEAR_S - LEEWAY_S), ("nbf", LEEWAY_S - NEAR_S), ("iat", LEEWAY_S - NEAR_S)]
)
async def test_a_clock_difference_within_the_leeway_is_accepted(claim: str, offset: int, verifier: JwtVerifier) -> None:
    token = SIGNER.token(**{claim: seconds_from_now(offset)})

    assert (await verifier.verify(token)).owner == "ada"


@pytest.mark.parametrize(
    ("claim", "offset", "expected"),
    [
        ("exp", -LEEWAY_S - 1, "The token has expired."),
        ("nbf", LEEWAY_S + NEAR_S, "The token is not valid yet."),
        ("iat", LEEWAY_S + NEAR_S, "The token is not valid yet."),
    ],
)
async def test_a_larger_difference_is_rejected(claim: str, offset: int, expected: str, verifier: JwtVerifier) -> None:
    token = SIGNER.token(**{claim: seconds_from_now(offset)})

    assert expected == await rejection(verifier, token)


@pytest.mark.parametrize(
    ("claim_value", "expected"),
    [
        ("read", {Scope.READ}),
        ("openid aether:read  profile aether:write", {Scope.READ, Scope.WRITE}),
        (["aether:admin", "offline_access"], {Scope.ADMIN}),
        ("openid profile", set()),
        ("", set()),
        ([], set()),
        ("READ other:write aether:aether:admin", set()),
        ([["read"], 7, None, {"read": True}], set()),
        ({"read": True}, set()),
        (True, set()),
    ],
)
async def test_a_token_grants_its_scopes(claim_value: object, expected: set[Scope], verifier: JwtVerifier) -> None:
    assert expected == (await verifier.verify(SIGNER.token(scope=claim_value))).scopes


async def test_scopes_are_read_from_the_configured_claim(source: ScriptedSource, clock: AheadClock) -> None:
    async with open_verifier(source, clock, scope_claim="roles", scopes=frozenset({Scope.READ})) as verifier:
        with_roles = await verifier.verify(SIGNER.token(roles=["admin"], scope="write"))
        without = await verifier.verify(SIGNER.token(scope="write"))

    assert [with_roles.scopes, without.scopes] == [frozenset({Scope.ADMIN}), frozenset({Scope.READ})]


@pytest.mark.parametrize(
    ("credential", "expected"), [("a.b.c", True), ("aether_id_secret", False), ("a.b.c.d.e", False)]
)
def test_a_signed_token_has_three_parts(credential: str, expected: bool, verifier: JwtVerifier) -> None:  # noqa: FBT001 - an expectation
    assert expected == verifier.matches(credential)


async def test_a_token_is_verified_once(verifier: JwtVerifier, source: ScriptedSource) -> None:
    token = SIGNER.token()
    first = await verifier.verify(token)

    source.keys, source.is_unavailable = (), True

    assert first is await verifier.verify(token)


async def test_a_cached_caller_is_returned_without_waiting(verifier: JwtVerifier) -> None:
    token = SIGNER.token()
    caller = await verifier.verify(token)

    assert caller is result_at_once(verifier.verify(token))


def result_at_once(coroutine: Coroutine[Any, Any, Caller]) -> Caller:
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    caller: Caller = ended.value.value
    return caller


async def test_a_caller_is_cached_for_a_minute(verifier: JwtVerifier, clock: AheadClock) -> None:
    token = SIGNER.token(exp=seconds_from_now(86_400))
    first = await verifier.verify(token)

    clock.seconds = 59
    within = await verifier.verify(token)
    clock.seconds = 60
    after = await verifier.verify(token)

    assert (within is first, after is first, after == first) == (True, False, True)


async def test_a_caller_is_not_cached_after_the_token_expires(verifier: JwtVerifier, clock: AheadClock) -> None:
    token = SIGNER.token(exp=seconds_from_now(10))
    first = await verifier.verify(token)

    clock.seconds = 10 + LEEWAY_S

    assert first is not await verifier.verify(token)


async def test_a_token_that_expires_in_the_farthest_future_is_accepted(verifier: JwtVerifier) -> None:
    assert (await verifier.verify(SIGNER.token(exp=10**400))).owner == "ada"


async def test_a_rejection_is_not_cached(source: ScriptedSource, clock: AheadClock) -> None:
    newer = Signer(kid="second", number=1)
    async with open_verifier(source, clock) as verifier:
        await rejection(verifier, newer.token())
        source.keys = (newer.jwk(),)
        clock.seconds = source.pause_s

        assert (await verifier.verify(newer.token())).owner == "ada"


async def test_a_rejection_logs_its_reason_and_nothing_of_the_token(verifier: JwtVerifier) -> None:
    token = SIGNER.token(sub="ada@example.com", aud="billing")

    with capture_logs() as logged:
        await rejection(verifier, token)

    assert logged == [{"event": "token.refused", "reason": "The token is not for this service.", "log_level": "debug"}]


async def test_libraries_log_nothing_of_a_token(verifier: JwtVerifier, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = SIGNER.token(aud="billing")

    await rejection(verifier, token)

    assert [part for part in token.split(".") if part in caplog.text] == []
