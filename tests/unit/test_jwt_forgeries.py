import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from functools import partial
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aether.adapters.jwt.verifier import JwtVerifier
from aether.errors import InvalidCredentialError
from tests.identity_provider import Members, Signer, claims_with, forged
from tests.token_verifiers import AheadClock, ScriptedSource, open_verifier

RSA = Signer("RS256", "rsa")
EC = Signer("ES256", "ec")
EDWARDS = Signer("EdDSA", "ed")
STRANGER = Signer("ES256", "ec", number=1)
PUBLISHED = (RSA.jwk(), EC.jwk(), EDWARDS.jwk())


@pytest.fixture
async def verifier() -> AsyncIterator[JwtVerifier]:
    async with open_verifier(ScriptedSource(PUBLISHED), AheadClock()) as opened:
        yield opened


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


async def rejection(verifier: JwtVerifier, token: str) -> str:
    with pytest.raises(InvalidCredentialError) as refused:
        await verifier.verify(token)
    return str(refused.value)


def signing(signer: Signer, signed: bytes) -> bytes:
    signature: bytes = jwt.get_algorithm_by_name(signer.algorithm).sign(signed, signer.key)
    return signature


def public_texts() -> list[bytes]:
    """Return the ways in which the RSA key is published, each of which a library might take for a shared secret."""
    public = RSA.key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [pem, pem.strip(), der, json.dumps(RSA.jwk()).encode(), RSA.jwk()["n"].encode()]


async def test_the_tokens_below_are_valid_except_for_what_is_forged(verifier: JwtVerifier) -> None:
    callers = [
        await verifier.verify(forged({"alg": signer.algorithm, "kid": signer.kid}, partial(signing, signer)))
        for signer in (RSA, EC, EDWARDS)
    ]

    assert [caller.owner for caller in callers] == ["ada"] * 3


@pytest.mark.parametrize("secret", public_texts())
async def test_a_public_key_is_not_accepted_as_a_shared_secret(secret: bytes, verifier: JwtVerifier) -> None:
    token = forged({"alg": "HS256", "kid": "rsa"}, lambda signed: hmac.digest(secret, signed, "sha256"))

    assert await rejection(verifier, token) == "The token is signed by an algorithm that is not accepted."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "RS384", "PS256", "rs256", "ES256K"])
async def test_only_configured_algorithms_are_accepted(algorithm: str, verifier: JwtVerifier) -> None:
    token = forged({"alg": algorithm, "kid": "rsa"})

    assert await rejection(verifier, token) == "The token is signed by an algorithm that is not accepted."


@pytest.mark.parametrize(
    ("algorithm", "kid"), [("RS256", "ec"), ("ES256", "rsa"), ("EdDSA", "rsa"), ("RS256", "ed"), ("ES256", "unknown")]
)
async def test_a_key_verifies_its_own_algorithm_only(algorithm: str, kid: str, verifier: JwtVerifier) -> None:
    token = forged({"alg": algorithm, "kid": kid}, partial(signing, RSA if algorithm == "RS256" else EC))

    assert await rejection(verifier, token) == "The token is not signed by a key that the identity provider publishes."


@pytest.mark.parametrize("members", [{"alg": "RS512"}, {"use": "enc"}, {"key_ops": ["encrypt"]}, {"kty": "oct"}])
async def test_a_key_published_for_another_use_is_ignored(members: Members) -> None:
    source = ScriptedSource((RSA.jwk(**members), EC.jwk()))

    async with open_verifier(source, AheadClock()) as verifier:
        said = await rejection(verifier, RSA.token())

    assert said == "The token is not signed by a key that the identity provider publishes."


@pytest.mark.parametrize("signer", [RSA, EC, EDWARDS], ids=lambda signer: signer.algorithm)
@pytest.mark.parametrize("sign", [lambda _: b"", lambda _: bytes(64), lambda signed: sha256(signed).digest()])
async def test_a_token_that_the_key_has_not_signed_is_rejected(
    signer: Signer, sign: partial[bytes], verifier: JwtVerifier
) -> None:
    token = forged({"alg": signer.algorithm, "kid": signer.kid}, sign)

    assert await rejection(verifier, token) == "The token's signature is not valid."


async def test_a_foreign_key_with_a_known_id_is_rejected(verifier: JwtVerifier) -> None:
    assert await rejection(verifier, STRANGER.token()) == "The token's signature is not valid."


async def test_changed_claims_are_rejected(verifier: JwtVerifier) -> None:
    ada, eve = EC.token().split("."), EC.token(sub="eve").split(".")

    assert await rejection(verifier, ".".join((ada[0], eve[1], ada[2]))) == "The token's signature is not valid."


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
async def test_a_key_in_the_token_itself_is_ignored(name: str, verifier: JwtVerifier) -> None:
    own = {
        "jwk": STRANGER.jwk(),
        "jku": "https://evil.example.com/",
        "x5u": "https://evil.example.com/",
        "x5c": ["MA=="],
    }
    header = {"alg": "ES256", "kid": "ec", name: own[name]}

    assert (
        await rejection(verifier, forged(header, partial(signing, STRANGER))) == "The token's signature is not valid."
    )


@pytest.mark.parametrize("critical", [["exp"], ["b64"], [], "b64", {"b64": False}, 1])
async def test_critical_headers_are_rejected(critical: object, verifier: JwtVerifier) -> None:
    token = EC.token({"crit": critical, "b64": True})

    assert await rejection(verifier, token) == "The token has critical headers, of which none is understood."


async def test_an_unencoded_payload_is_rejected(verifier: JwtVerifier) -> None:
    token = forged({"alg": "ES256", "kid": "ec", "b64": False}, partial(signing, EC))

    assert await rejection(verifier, token) == "The token is malformed."


@pytest.mark.parametrize("type_", ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", ""])
async def test_a_token_of_another_type_is_rejected(type_: str, verifier: JwtVerifier) -> None:
    token = forged({"alg": "ES256", "kid": "ec", "typ": type_}, partial(signing, EC))

    assert await rejection(verifier, token) == "The token is of a type that is not accepted."


async def test_a_token_that_is_too_long_is_rejected(verifier: JwtVerifier) -> None:
    assert (await verifier.verify(EC.token(name="a" * 5_000))).owner == "ada"
    assert await rejection(verifier, EC.token(name="a" * 8_000)) == "The token is longer than 8192 characters."


async def test_of_a_published_private_key_only_the_public_part_is_used() -> None:
    private = jwt.get_algorithm_by_name("RS256").to_jwk(RSA.key, as_dict=True) | RSA.jwk()

    async with open_verifier(ScriptedSource((private,)), AheadClock()) as verifier:
        assert (await verifier.verify(RSA.token())).owner == "ada"


def verify(runner: asyncio.Runner, token: str) -> str | None:
    """Return the owner, or None if the token was refused; any other end is an error."""

    async def ask() -> str | None:
        async with open_verifier(ScriptedSource(PUBLISHED), AheadClock()) as verifier:
            try:
                return (await verifier.verify(token)).owner
            except InvalidCredentialError:
                return None

    return runner.run(ask())


_PARTS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=", max_size=60)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.text() | st.tuples(_PARTS, _PARTS, _PARTS).map(".".join))
@example("..")
@example("\ud800.b.c")
@example("ä.b.c")
@example(urlsafe_b64encode(b'{"alg":' + b"[" * 5_000).decode() + "..")
@example(urlsafe_b64encode(b'{"more":' + b"[" * 5_000).decode() + "..")
@settings(max_examples=150)
def test_garbage_is_rejected(runner: asyncio.Runner, garbage: str) -> None:
    assert verify(runner, garbage) is None


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]), _JSON))
@settings(max_examples=150)
def test_any_header_is_accepted_or_rejected(runner: asyncio.Runner, header: Members) -> None:
    token = forged({"alg": "ES256", "kid": "ec"} | header, partial(signing, EC))

    assert verify(runner, token) in (None, "ada")


@given(st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "jti", "scope"]), _JSON))
@example({"exp": 10**400})
@example({"exp": float("inf")})
@example({"exp": float("nan")})
@example({"nbf": "1" * 5_000})
@settings(max_examples=150)
def test_any_signed_claims_are_accepted_or_rejected(runner: asyncio.Runner, claims: Members) -> None:
    payload = json.dumps(claims_with() | claims).encode()
    token = forged({"alg": "ES256", "kid": "ec"}, partial(signing, EC), payload)

    assert verify(runner, token) in (None, "ada")


@given(st.binary(max_size=200) | st.just(b"[" * 5_000) | _JSON.map(json.dumps).map(str.encode))
@settings(max_examples=100)
def test_any_signed_payload_is_rejected(runner: asyncio.Runner, payload: bytes) -> None:
    token = forged({"alg": "ES256", "kid": "ec"}, partial(signing, EC), payload)

    assert verify(runner, token) is None
