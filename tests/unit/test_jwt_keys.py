import asyncio
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm
from structlog.testing import capture_logs

from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.provider_keys import ProviderKeys
from aether.errors import IdentityProviderUnavailableError
from tests.fakes import FastClock
from tests.identity_provider import Members, Signer, jwks
from tests.token_verifiers import ALGORITHMS, ScriptedSource

FIRST = Signer(kid="first")
SECOND = Signer(kid="second", number=1)
DAY_S = 86_400.0


def key_set(*keys: Members, algorithms: frozenset[str] = ALGORITHMS) -> KeySet:
    return KeySet.parse(jwks(*keys), algorithms)


def weak_rsa_key() -> Members:
    weak = generate_private_key(65_537, 1_024)  # noqa: S505 - to be refused
    public: Members = RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True)
    return public


def test_a_key_is_found_by_its_id() -> None:
    found = key_set(FIRST.jwk(), SECOND.jwk()).find("ES256", "second")

    assert found is not None
    assert found.key == SECOND.key.public_key()


def test_without_an_id_the_only_matching_key_is_found() -> None:
    keys = key_set(FIRST.jwk(), Signer("RS256", "rsa").jwk())

    assert [found and found.key_id for found in (keys.find("ES256", None), keys.find("RS256", None))] == [
        "first",
        "rsa",
    ]


def test_without_an_id_none_of_two_matching_keys_is_found() -> None:
    assert key_set(FIRST.jwk(), SECOND.jwk()).find("ES256", None) is None


def test_a_key_without_an_id_is_not_found_by_an_id() -> None:
    assert key_set(Signer(kid=None).jwk()).find("ES256", "first") is None


def test_an_id_shared_by_two_keys_finds_neither() -> None:
    assert key_set(FIRST.jwk(), SECOND.jwk(kid="first")).find("ES256", "first") is None


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_without_an_algorithm_supports_all_of_them(algorithm: str) -> None:
    keys = key_set(Signer("RS256", "rsa").jwk(), algorithms=frozenset({"RS256", algorithm}))

    found = keys.find(algorithm, "rsa")

    assert found is not None
    assert algorithm == found.algorithm_name


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_a_key_on_a_curve_supports_the_algorithm_of_that_curve_only(algorithm: str) -> None:
    curves = {"ES256", "ES384", "ES512"}
    keys = key_set(Signer(algorithm, "ec").jwk(), algorithms=frozenset(curves))

    assert {algorithm} == {each for each in curves if keys.find(each, "ec")}


@pytest.mark.parametrize(
    "useless",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "RSA", "n": 7, "e": "AQAB"},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "OKP", "crv": "Ed25519", "x": "!"},
        {"kty": "RSA"},
        {},
        weak_rsa_key(),
    ],
)
def test_an_unusable_key_is_skipped(useless: Members) -> None:
    keys = key_set(useless, FIRST.jwk())

    assert keys.find("ES256", "first")
    with pytest.raises(ValueError, match="no key in it fits"):
        key_set(useless)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": 1}',
        b"\xff",
        b"[" * 100_000,
        b'{"keys":' + b"[" * 100_000,
    ],
)
def test_content_that_is_no_key_set_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is no JWK set"):
        KeySet.parse(content, ALGORITHMS)


def test_an_empty_set_is_an_error() -> None:
    with pytest.raises(ValueError, match="no key in it fits"):
        key_set()


def test_a_skipped_key_is_not_written_to_the_log() -> None:
    broken = {"kty": "RSA", "n": "AA", "e": "AQAB", "d": "c2VjcmV0"}

    with capture_logs() as logged:
        key_set(broken, FIRST.jwk())

    assert "c2VjcmV0" not in json.dumps(logged)
    assert [entry["event"] for entry in logged] == ["identity.key_passed_over"]


def test_the_log_says_why_a_key_is_skipped() -> None:
    with capture_logs() as logged:
        key_set({**FIRST.jwk(), "x": 1}, FIRST.jwk())

    assert [entry["reason"] for entry in logged] == ["ValidationError: Expected `str | null`, got `int` - at `$.x`"]


class KeysHarness:
    """Provider keys over a scripted source, on a clock that the test sets."""

    def __init__(self, *signers: Signer, is_unavailable: bool = False) -> None:
        self.source = ScriptedSource(tuple(signer.jwk() for signer in signers), is_unavailable)
        self.clock = FastClock()
        self.keys = ProviderKeys(self.source, self.clock)

    async def knows(self, signer: Signer) -> bool:
        return await self.keys.find(signer.algorithm, signer.kid) is not None

    async def is_unavailable(self, signer: Signer = FIRST) -> bool:
        try:
            await self.knows(signer)
        except IdentityProviderUnavailableError:
            return True
        return False

    async def settle(self) -> None:
        """Let background tasks finish."""
        for _ in range(5):
            await asyncio.sleep(0)


async def test_keys_are_fetched_before_the_first_call() -> None:
    harness = KeysHarness(FIRST)

    async with harness.keys:
        await harness.settle()

        assert harness.source.fetches == 1


async def test_the_first_call_waits_for_the_keys() -> None:
    harness = KeysHarness(FIRST)
    harness.source.gate.clear()

    async with harness.keys:
        waiting = asyncio.create_task(harness.knows(FIRST))
        await harness.settle()
        waited = not waiting.done()
        harness.source.gate.set()

        assert (waited, await waiting) == (True, True)


async def test_fresh_keys_are_not_fetched_again() -> None:
    harness = KeysHarness(FIRST)

    async with harness.keys:
        for harness.clock.seconds in (0.0, 100.0, 299.0):
            assert await harness.knows(FIRST)
        await harness.settle()

        assert harness.source.fetches == 1


async def test_stale_keys_are_used_while_new_ones_are_fetched() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        harness.source.gate.clear()
        harness.clock.seconds = 300.0

        served = await harness.knows(FIRST)
        await harness.settle()

        assert (served, harness.source.fetches) == (True, 2)


async def test_a_withdrawn_key_is_rejected_after_the_next_fetch() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        harness.source.keys = (SECOND.jwk(),)
        harness.clock.seconds = 300.0
        await harness.knows(FIRST)
        await harness.settle()
        harness.clock.seconds = 301.0

        assert [await harness.knows(signer) for signer in (FIRST, SECOND)] == [False, True]


async def test_a_new_key_is_fetched_at_its_first_use() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        harness.source.keys = (FIRST.jwk(), SECOND.jwk())
        harness.clock.seconds = 10.0

        assert await harness.knows(SECOND)
        assert await harness.knows(FIRST)
        assert harness.source.fetches == 2


async def test_a_flood_of_unknown_keys_causes_one_fetch_in_ten_seconds() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        for tenth_of_a_second in range(600):
            harness.clock.seconds = tenth_of_a_second / 10
            assert not await harness.knows(Signer(kid=f"forged-{tenth_of_a_second}"))

        assert harness.source.fetches == 6


async def test_concurrent_calls_for_an_unknown_key_share_a_fetch() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        harness.source.keys = (SECOND.jwk(),)
        harness.source.gate.clear()
        harness.clock.seconds = 10.0
        waiting = [asyncio.create_task(harness.knows(SECOND)) for _ in range(50)]
        await harness.settle()
        harness.source.gate.set()

        assert (await asyncio.gather(*waiting), harness.source.fetches) == ([True] * 50, 2)


async def test_a_slow_fetch_is_not_repeated() -> None:
    harness = KeysHarness(FIRST)
    harness.source.gate.clear()
    async with harness.keys:
        waiting = []
        for harness.clock.seconds in (0.0, 10.0, 20.0):
            waiting.append(asyncio.create_task(harness.knows(FIRST)))
            await harness.settle()
        harness.source.gate.set()

        assert (await asyncio.gather(*waiting), harness.source.fetches) == ([True] * 3, 1)


async def test_a_cancelled_call_does_not_cancel_the_fetch_of_others() -> None:
    harness = KeysHarness(FIRST)
    harness.source.gate.clear()
    async with harness.keys:
        impatient, patient = (asyncio.create_task(harness.knows(FIRST)) for _ in range(2))
        await harness.settle()
        impatient.cancel()
        await harness.settle()
        harness.source.gate.set()

        assert (await patient, impatient.cancelled()) == (True, True)


async def test_the_last_keys_are_used_for_a_day_while_the_provider_is_unavailable() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        harness.source.is_unavailable = True
        served = []
        for harness.clock.seconds in (300.0, 3_600.0, DAY_S - 1):
            served.append(await harness.knows(FIRST))
            await harness.settle()
        harness.clock.seconds = DAY_S

        assert (served, await harness.is_unavailable()) == ([True] * 3, True)


async def test_an_unknown_key_is_an_error_while_the_provider_is_unavailable() -> None:
    harness = KeysHarness(FIRST)
    async with harness.keys:
        await harness.knows(FIRST)
        harness.source.is_unavailable = True
        harness.clock.seconds = 10.0

        assert await harness.is_unavailable(SECOND)
        assert await harness.knows(FIRST)


async def test_a_provider_that_is_unavailable_from_the_start_is_retried_every_second() -> None:
    harness = KeysHarness(FIRST, is_unavailable=True)
    async with harness.keys:
        for tenth_of_a_second in range(30):
            harness.clock.seconds = tenth_of_a_second / 10
            assert await harness.is_unavailable()

        assert harness.source.fetches == 3


async def test_keys_of_a_provider_that_becomes_available_are_used() -> None:
    harness = KeysHarness(FIRST, is_unavailable=True)
    async with harness.keys:
        await harness.is_unavailable()
        harness.source.is_unavailable = False
        harness.clock.seconds = 1.0

        assert await harness.knows(FIRST)


async def test_an_outage_is_logged_once_and_so_is_its_end() -> None:
    harness = KeysHarness(FIRST, is_unavailable=True)
    with capture_logs() as logged:
        async with harness.keys:
            for harness.clock.seconds in (0.0, 1.0, 2.0):
                await harness.is_unavailable()
            harness.source.is_unavailable = False
            harness.clock.seconds = 3.0
            await harness.knows(FIRST)

    assert [(entry["event"], entry["log_level"]) for entry in logged] == [
        ("identity.keys_unavailable", "warning"),
        ("identity.keys_fetched", "info"),
    ]


@pytest.mark.parametrize("prepare", [lambda harness: harness.source.gate.clear(), lambda _: None])
async def test_no_task_is_left_after_the_block(prepare: Callable[[KeysHarness], None]) -> None:
    harness = KeysHarness(FIRST)
    prepare(harness)

    async with harness.keys:
        await harness.settle()

    assert asyncio.all_tasks() == {asyncio.current_task()}
