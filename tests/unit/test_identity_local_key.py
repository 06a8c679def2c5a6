"""The local key, for the user who started the server."""

import pytest

from aether.domain.access import LOCAL, Caller, Scope
from aether.durable.clock import SystemClock
from aether.errors import InvalidCredentialError
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys
from aether.identity.authenticator import Authenticator
from aether.identity.local_key import LocalKey
from tests.fake_keys import MemoryKeys


@pytest.fixture
async def store() -> MemoryKeys:
    """A store with a key, so that a credential is required."""
    store = MemoryKeys()
    await ApiKeys(store, SystemClock()).create("ci")
    return store


async def test_it_identifies_the_local_owner_with_all_scopes_even_if_keys_exist(store: MemoryKeys) -> None:
    key = LocalKey()
    authenticator = Authenticator(ApiKeyCache(store, SystemClock()), local=key)

    caller = await authenticator.authenticate(key.secret.reveal())

    assert Caller(LOCAL, frozenset({Scope.ADMIN})) == caller
    with pytest.raises(InvalidCredentialError):
        await authenticator.authenticate_anonymous(is_local=True)


async def test_it_is_not_valid_for_another_process(store: MemoryKeys) -> None:
    other, current = LocalKey(), LocalKey()
    cache = ApiKeyCache(store, SystemClock())

    with pytest.raises(InvalidCredentialError, match="a server that has ended"):
        await Authenticator(cache, local=current).authenticate(other.secret.reveal())
    with pytest.raises(InvalidCredentialError, match="none that this server gives out"):
        await Authenticator(cache).authenticate(other.secret.reveal())


async def test_a_text_with_the_same_prefix_is_rejected() -> None:
    key = LocalKey()

    for text in (key.secret.reveal()[:-1], key.secret.reveal() + "x", "aether-local_", "aether-local_ü"):
        assert key.matches(text)
        with pytest.raises(InvalidCredentialError):
            await key.verify(text)


async def test_it_needs_no_store(store: MemoryKeys) -> None:
    key = LocalKey()
    store.calls.clear()

    await Authenticator(ApiKeyCache(store, SystemClock()), local=key).authenticate(key.secret.reveal())

    assert store.calls == []


def test_it_is_never_printed() -> None:
    key = LocalKey()

    assert key.secret.reveal()[-20:] not in f"{key!r} {key} {vars(key)}"
