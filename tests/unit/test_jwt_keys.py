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


def set_of(*keys: Members, algorithms: frozenset[str] = ALGORITHMS) -> KeySet:
    return KeySet.read(jwks(*keys), algorithms)


def weak_rsa_key() -> Members:
    weak = generate_private_key(65_537, 1_024)  # noqa: S505 - to be refused
    public: Members = RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True)
    return public


def test_a_key_is_found_by_its_id() -> None:
    found = set_of(FIRST.jwk(), SECOND.jwk()).find("ES256", "second")

    assert found is not None
    assert found.key == SECOND.key.public_key()


def test_without_an_id_the_only_key_that_fits_is_meant() -> None:
    keys = set_of(FIRST.jwk(), Signer("RS256", "rsa").jwk())

    assert [found and found.key_id for found in (keys.find("ES256", None), keys.find("RS256", None))] == [
        "first",
        "rsa",
    ]


def test_without_an_id_there_is_no_choice_between_two() -> None:
    assert set_of(FIRST.jwk(), SECOND.jwk()).find("ES256", None) is None


def test_a_key_without_an_id_is_not_found_by_one() -> None:
    assert set_of(Signer(kid=None).jwk()).find("ES256", "first") is None


def test_an_id_that_two_keys_share_stands_for_neither() -> None:
    assert set_of(FIRST.jwk(), SECOND.jwk(kid="first")).find("ES256", "first") is None


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_that_names_no_algorithm_fits_each_of_them(algorithm: str) -> None:
    keys = set_of(Signer("RS256", "rsa").jwk(), algorithms=frozenset({"RS256", algorithm}))

    found = keys.find(algorithm, "rsa")

    assert found is not None
    assert algorithm == found.algorithm_name


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_a_key_on_a_curve_fits_the_algorithm_of_that_curve_alone(algorithm: str) -> None:
    curves = {"ES256", "ES384", "ES512"}
    keys = set_of(Signer(algorithm, "ec").jwk(), algorithms=frozenset(curves))

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
def test_a_key_of_no_use_does_not_spoil_the_others(useless: Members) -> None:
    keys = set_of(useless, FIRST.jwk())

    assert keys.find("ES256", "first")
    with pytest.raises(ValueError, match="no key in it fits"):
        set_of(useless)


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
def test_what_is_no_key_set_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is no JWK set"):
        KeySet.read(content, ALGORITHMS)


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="no key in it fits"):
        set_of()


def test_a_key_that_is_passed_over_does_not_get_into_the_log() -> None:
    broken = {"kty": "RSA", "n": "AA", "e": "AQAB", "d": "c2VjcmV0"}

    with capture_logs() as logged:
        set_of(broken, FIRST.jwk())

    assert "c2VjcmV0" not in json.dumps(logged)
    assert [entry["event"] for entry in logged] == ["identity.key_passed_over"]


def test_the_log_says_why_a_key_is_passed_over() -> None:
    with capture_logs() as logged:
        set_of({**FIRST.jwk(), "x": 1}, FIRST.jwk())

    assert [entry["reason"] for entry in logged] == ["ValidationError: Expected `str | null`, got `int` - at `$.x`"]


class Provider:
    """The keys over a scripted source, on a clock that the test sets."""

    def __init__(self, *signers: Signer, away: bool = False) -> None:
        self.source = ScriptedSource(tuple(signer.jwk() for signer in signers), away)
        self.clock = FastClock()
        self.keys = ProviderKeys(self.source, self.clock)

    async def knows(self, signer: Signer) -> bool:
        return await self.keys.find(signer.algorithm, signer.kid) is not None

    async def is_away(self, signer: Signer = FIRST) -> bool:
        try:
            await self.knows(signer)
        except IdentityProviderUnavailableError:
            return True
        return False

    async def settle(self) -> None:
        """Let what goes on in the background come to its end."""
        for _ in range(5):
            await asyncio.sleep(0)


async def test_keys_are_fetched_before_anybody_asks() -> None:
    provider = Provider(FIRST)

    async with provider.keys:
        await provider.settle()

        assert provider.source.fetches == 1


async def test_who_comes_first_waits_for_the_keys() -> None:
    provider = Provider(FIRST)
    provider.source.gate.clear()

    async with provider.keys:
        waiting = asyncio.create_task(provider.knows(FIRST))
        await provider.settle()
        waited = not waiting.done()
        provider.source.gate.set()

        assert (waited, await waiting) == (True, True)


async def test_fresh_keys_are_not_fetched_again() -> None:
    provider = Provider(FIRST)

    async with provider.keys:
        for provider.clock.seconds in (0.0, 100.0, 299.0):
            assert await provider.knows(FIRST)
        await provider.settle()

        assert provider.source.fetches == 1


async def test_keys_that_are_no_longer_fresh_serve_while_others_are_fetched() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        provider.source.gate.clear()
        provider.clock.seconds = 300.0

        served = await provider.knows(FIRST)
        await provider.settle()

        assert (served, provider.source.fetches) == (True, 2)


async def test_a_key_that_was_withdrawn_no_longer_counts_once_that_is_known() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        provider.source.keys = (SECOND.jwk(),)
        provider.clock.seconds = 300.0
        await provider.knows(FIRST)
        await provider.settle()
        provider.clock.seconds = 301.0

        assert [await provider.knows(signer) for signer in (FIRST, SECOND)] == [False, True]


async def test_a_new_key_is_fetched_when_it_is_first_met() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        provider.source.keys = (FIRST.jwk(), SECOND.jwk())
        provider.clock.seconds = 10.0

        assert await provider.knows(SECOND)
        assert await provider.knows(FIRST)
        assert provider.source.fetches == 2


async def test_a_flood_of_unknown_keys_costs_one_fetch_in_ten_seconds() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        for tenth_of_a_second in range(600):
            provider.clock.seconds = tenth_of_a_second / 10
            assert not await provider.knows(Signer(kid=f"forged-{tenth_of_a_second}"))

        assert provider.source.fetches == 6


async def test_all_who_miss_a_key_at_once_share_a_fetch() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        provider.source.keys = (SECOND.jwk(),)
        provider.source.gate.clear()
        provider.clock.seconds = 10.0
        waiting = [asyncio.create_task(provider.knows(SECOND)) for _ in range(50)]
        await provider.settle()
        provider.source.gate.set()

        assert (await asyncio.gather(*waiting), provider.source.fetches) == ([True] * 50, 2)


async def test_a_fetch_that_takes_long_is_waited_for_and_not_repeated() -> None:
    provider = Provider(FIRST)
    provider.source.gate.clear()
    async with provider.keys:
        waiting = []
        for provider.clock.seconds in (0.0, 10.0, 20.0):
            waiting.append(asyncio.create_task(provider.knows(FIRST)))
            await provider.settle()
        provider.source.gate.set()

        assert (await asyncio.gather(*waiting), provider.source.fetches) == ([True] * 3, 1)


async def test_who_gives_up_waiting_takes_the_fetch_from_nobody() -> None:
    provider = Provider(FIRST)
    provider.source.gate.clear()
    async with provider.keys:
        impatient, patient = (asyncio.create_task(provider.knows(FIRST)) for _ in range(2))
        await provider.settle()
        impatient.cancel()
        await provider.settle()
        provider.source.gate.set()

        assert (await patient, impatient.cancelled()) == (True, True)


async def test_the_last_keys_serve_for_a_day_while_the_provider_is_away() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        provider.source.away = True
        served = []
        for provider.clock.seconds in (300.0, 3_600.0, DAY_S - 1):
            served.append(await provider.knows(FIRST))
            await provider.settle()
        provider.clock.seconds = DAY_S

        assert (served, await provider.is_away()) == ([True] * 3, True)


async def test_whether_a_key_is_new_cannot_be_said_while_the_provider_is_away() -> None:
    provider = Provider(FIRST)
    async with provider.keys:
        await provider.knows(FIRST)
        provider.source.away = True
        provider.clock.seconds = 10.0

        assert await provider.is_away(SECOND)
        assert await provider.knows(FIRST)


async def test_a_provider_that_is_away_from_the_start_is_asked_every_second() -> None:
    provider = Provider(FIRST, away=True)
    async with provider.keys:
        for tenth_of_a_second in range(30):
            provider.clock.seconds = tenth_of_a_second / 10
            assert await provider.is_away()

        assert provider.source.fetches == 3


async def test_a_provider_that_comes_late_is_welcome() -> None:
    provider = Provider(FIRST, away=True)
    async with provider.keys:
        await provider.is_away()
        provider.source.away = False
        provider.clock.seconds = 1.0

        assert await provider.knows(FIRST)


async def test_an_absence_is_logged_once_and_so_is_its_end() -> None:
    provider = Provider(FIRST, away=True)
    with capture_logs() as logged:
        async with provider.keys:
            for provider.clock.seconds in (0.0, 1.0, 2.0):
                await provider.is_away()
            provider.source.away = False
            provider.clock.seconds = 3.0
            await provider.knows(FIRST)

    assert [(entry["event"], entry["log_level"]) for entry in logged] == [
        ("identity.keys_unavailable", "warning"),
        ("identity.keys_fetched", "info"),
    ]


@pytest.mark.parametrize("prepare", [lambda provider: provider.source.gate.clear(), lambda _: None])
async def test_nothing_goes_on_after_the_end(prepare: Callable[[Provider], None]) -> None:
    provider = Provider(FIRST)
    prepare(provider)

    async with provider.keys:
        await provider.settle()

    assert asyncio.all_tasks() == {asyncio.current_task()}
