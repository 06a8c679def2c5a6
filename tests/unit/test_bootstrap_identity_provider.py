import sys

import pytest

from aether.bootstrap.identity_provider import accepts_tokens, token_verifier
from aether.domain.access import Caller, Scope
from aether.errors import ConfigurationError
from aether.settings import Settings
from tests.identity_provider import AUDIENCE, ISSUER, KeyServer, Signer

JWKS = "https://id.example.com/realms/acme/certs"
ENVIRONMENT = {"AETHER_JWT_ISSUER": ISSUER, "AETHER_JWT_AUDIENCE": AUDIENCE, "AETHER_JWT_JWKS": JWKS}
SIGNER = Signer()


async def test_without_a_provider_there_is_no_token_verifier() -> None:
    async with token_verifier(Settings()) as verifier:
        assert verifier is None
    assert not accepts_tokens(Settings())


async def test_a_provider_is_configured_by_three_variables() -> None:
    with KeyServer(SIGNER.jwk()) as server:
        settings = Settings.from_env(ENVIRONMENT | {"AETHER_JWT_JWKS": server.url, "AETHER_JWT_SCOPES": "read"})
        async with token_verifier(settings) as verifier:
            assert verifier is not None
            caller = await verifier.verify(SIGNER.token())

    assert caller == Caller("ada", frozenset({Scope.READ}))
    assert accepts_tokens(settings)


@pytest.mark.parametrize("variable", ENVIRONMENT)
def test_an_incomplete_provider_is_an_error_that_names_the_missing_variables(variable: str) -> None:
    without = {name: value for name, value in ENVIRONMENT.items() if name != variable}

    with pytest.raises(ConfigurationError, match=f"^Set {variable} too: AETHER_JWT_ISSUER, "):
        token_verifier(Settings.from_env(without))
    with pytest.raises(ConfigurationError, match=r"^Set .* and .* too: AETHER_JWT_ISSUER, "):
        accepts_tokens(Settings.from_env({variable: ENVIRONMENT[variable]}))


@pytest.mark.parametrize(
    "where",
    [
        "http://id.example.com/certs",
        "http://127.0.0.1.example.com/certs",
        "http://localhost.example.com/certs",
        "http://localhost@example.com/certs",
        "https://user:password@id.example.com/certs",
        "https://",
        "ftp://id.example.com/certs",
        "file://id.example.com/certs",
        "certs.json",
        "~/certs.json",
        "https://id.example.com/certs https://other.example.com/",
    ],
)
def test_other_locations_of_keys_are_rejected(where: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AETHER_JWT_JWKS: "):
        accepts_tokens(Settings.from_env(ENVIRONMENT | {"AETHER_JWT_JWKS": where}))


@pytest.mark.parametrize(
    "where",
    [
        JWKS,
        "https://id.example.com:8443/keys?p=acme",
        "http://localhost:8080/certs",
        "http://127.0.0.1/certs",
        "http://[::1]:8080",
        "/etc/aether/keys.json",
        "file:///etc/aether/keys.json",
    ],
)
def test_keys_may_be_at_a_url_or_in_a_file(where: str) -> None:
    assert accepts_tokens(Settings.from_env(ENVIRONMENT | {"AETHER_JWT_JWKS": where}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AETHER_JWT_ALGORITHMS", "HS256"),
        ("AETHER_JWT_ALGORITHMS", "RS256,HS256"),
        ("AETHER_JWT_ALGORITHMS", "none"),
        ("AETHER_JWT_ALGORITHMS", "RS256,none"),
        ("AETHER_JWT_ALGORITHMS", "RS256,"),
        ("AETHER_JWT_ALGORITHMS", "rs256"),
        ("AETHER_JWT_LEEWAY", "301"),
        ("AETHER_JWT_LEEWAY", "-1"),
        ("AETHER_JWT_SCOPES", "read,delete"),
    ],
)
def test_settings_that_would_weaken_the_check_are_rejected(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{variable}: "):
        Settings.from_env(ENVIRONMENT | {variable: value})


@pytest.mark.parametrize("library", ["jwt", "cryptography.exceptions"])
def test_without_the_libraries_the_error_says_what_to_install(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("aether.adapters.jwt")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(ConfigurationError, match=r"pip install 'pyjwt\[crypto\]"):
        token_verifier(Settings.from_env(ENVIRONMENT))
