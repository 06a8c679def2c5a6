"""Which callers the authenticator identifies."""

from dataclasses import dataclass

import pytest

from aether.domain.access import LOCAL, Caller, Scope, is_owner_name
from aether.errors import InvalidCredentialError
from aether.identity.authenticator import Authenticator

ADA = Caller("ada", frozenset({Scope.READ}))
EVE = Caller("eve", frozenset({Scope.WRITE}))


@dataclass
class PrefixedTokens:
    """A `KeyVerifier` that accepts every credential with this prefix."""

    prefix: str
    caller: Caller
    any: bool = False

    def matches(self, credential: str) -> bool:
        return credential.startswith(self.prefix)

    async def verify(self, credential: str) -> Caller:
        assert self.matches(credential)
        return self.caller

    async def has_any(self) -> bool:
        return self.any

    async def is_valid(self, key_id: str) -> bool:
        return bool(key_id)


KEYS = PrefixedTokens("aether_", ADA)
PROVIDER_TOKENS = PrefixedTokens("ey", EVE)


async def test_each_credential_goes_to_the_verifier_that_matches() -> None:
    authenticator = Authenticator(KEYS, PROVIDER_TOKENS)

    assert [await authenticator.authenticate(text) for text in ("aether_x", "eyJ")] == [ADA, EVE]


@pytest.mark.parametrize(
    "authenticator", [Authenticator(KEYS), Authenticator(KEYS, PROVIDER_TOKENS, allow_anonymous=True)]
)
async def test_a_credential_that_no_verifier_matches_is_rejected(authenticator: Authenticator) -> None:
    with pytest.raises(InvalidCredentialError) as refused:
        await authenticator.authenticate("something")

    assert refused.value.sent


@pytest.mark.parametrize(("is_local", "allow_anonymous"), [(True, False), (False, True)])
async def test_without_any_keys_this_machine_or_everybody_is_accepted(*, is_local: bool, allow_anonymous: bool) -> None:
    caller = await Authenticator(KEYS, allow_anonymous=allow_anonymous).authenticate_anonymous(is_local=is_local)

    assert Caller(LOCAL, frozenset({Scope.ADMIN})) == caller


async def test_the_error_for_other_machines_says_what_to_do() -> None:
    with pytest.raises(
        InvalidCredentialError, match=r"aether keys create NAME.*AETHER_ALLOW_ANONYMOUS=true"
    ) as refused:
        await Authenticator(KEYS).authenticate_anonymous(is_local=False)

    assert not refused.value.sent


@pytest.mark.parametrize(
    ("authenticator", "message"),
    [
        (Authenticator(PrefixedTokens("aether_", ADA, any=True), allow_anonymous=True), "Send a key: "),
        (
            Authenticator(KEYS, PROVIDER_TOKENS, allow_anonymous=True),
            "Send a key, or a token of the identity provider: ",
        ),
    ],
    ids=["a key", "an identity provider"],
)
async def test_a_credential_is_required_if_there_is(authenticator: Authenticator, message: str) -> None:
    with pytest.raises(InvalidCredentialError, match=message):
        await authenticator.authenticate_anonymous(is_local=True)


def test_an_admin_has_every_scope_and_others_only_their_own() -> None:
    may = {scope: [Caller("ada", frozenset({scope})).may(each) for each in Scope] for scope in Scope}

    assert may == {
        Scope.READ: [True, False, False],
        Scope.WRITE: [False, True, False],
        Scope.ADMIN: [True, True, True],
    }


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        *((text, True) for text in ("a", "ada@example.com", "auth0|5f7c", "Ada Lovelace", "ü", "a" * 255, "a:b*c")),
        *((text, False) for text in ("", "a" * 256, "a\n", "\x00", "a\x7f", "a\u2028b", " a", "\ud800", "a\u202eb")),
    ],
)
def test_an_owner_name_is_a_short_printable_text(text: str, *, valid: bool) -> None:
    assert is_owner_name(text) is valid
