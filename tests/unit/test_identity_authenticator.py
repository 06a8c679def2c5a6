"""Who is let in, and as whom."""

from dataclasses import dataclass

import pytest

from aether.domain.access import LOCAL, Caller, Scope, is_owner_name
from aether.errors import InvalidCredentialError
from aether.identity.authenticator import Authenticator

ADA = Caller("ada", frozenset({Scope.READ}))
EVE = Caller("eve", frozenset({Scope.WRITE}))


@dataclass
class PrefixedTokens:
    """A `KeyVerifier` that takes whatever begins so."""

    prefix: str
    stands_for: Caller
    any: bool = False

    def matches(self, credential: str) -> bool:
        return credential.startswith(self.prefix)

    async def verify(self, credential: str) -> Caller:
        assert self.matches(credential)
        return self.stands_for

    async def has_any(self) -> bool:
        return self.any

    async def is_valid(self, key_id: str) -> bool:
        return bool(key_id)


KEYS = PrefixedTokens("aether_", ADA)
IDENTITIES = PrefixedTokens("ey", EVE)


async def test_each_credential_goes_to_the_one_who_takes_it() -> None:
    authenticator = Authenticator(KEYS, IDENTITIES)

    assert [await authenticator.authenticate(text) for text in ("aether_x", "eyJ")] == [ADA, EVE]


@pytest.mark.parametrize("authenticator", [Authenticator(KEYS), Authenticator(KEYS, IDENTITIES, allow_anonymous=True)])
async def test_a_credential_that_nobody_takes_is_refused(authenticator: Authenticator) -> None:
    with pytest.raises(InvalidCredentialError) as refused:
        await authenticator.authenticate("something")

    assert refused.value.sent


@pytest.mark.parametrize(("is_local", "allow_anonymous"), [(True, False), (False, True)])
async def test_where_nobody_can_have_a_key_this_machine_is_let_in_or_everybody(
    *, is_local: bool, allow_anonymous: bool
) -> None:
    caller = await Authenticator(KEYS, allow_anonymous=allow_anonymous).authenticate_anonymous(is_local=is_local)

    assert Caller(LOCAL, frozenset({Scope.ADMIN})) == caller


async def test_strangers_are_told_what_to_do() -> None:
    with pytest.raises(
        InvalidCredentialError, match=r"aether keys create NAME.*AETHER_ALLOW_ANONYMOUS=true"
    ) as refused:
        await Authenticator(KEYS).authenticate_anonymous(is_local=False)

    assert not refused.value.sent


@pytest.mark.parametrize(
    ("authenticator", "told"),
    [
        (Authenticator(PrefixedTokens("aether_", ADA, any=True), allow_anonymous=True), "Send a key: "),
        (Authenticator(KEYS, IDENTITIES, allow_anonymous=True), "Send a key, or a token of the identity provider: "),
    ],
    ids=["a key", "an identity provider"],
)
async def test_nobody_is_anonymous_where_there_is(authenticator: Authenticator, told: str) -> None:
    with pytest.raises(InvalidCredentialError, match=told):
        await authenticator.authenticate_anonymous(is_local=True)


def test_an_admin_may_do_everything_and_others_what_they_were_given() -> None:
    may = {scope: [Caller("ada", frozenset({scope})).may(each) for each in Scope] for scope in Scope}

    assert may == {
        Scope.READ: [True, False, False],
        Scope.WRITE: [False, True, False],
        Scope.ADMIN: [True, True, True],
    }


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        *((text, True) for text in ("a", "ada@example.com", "auth0|5f7c", "Ada Lovelace", "ü", "a" * 255, "a:b*c")),
        *((text, False) for text in ("", "a" * 256, "a\n", "\x00", "a\x7f", "a\u2028b", " a", "\ud800", "a\u202eb")),
    ],
)
def test_an_owner_is_a_short_printable_text(text: str, *, fit: bool) -> None:
    assert is_owner_name(text) is fit
