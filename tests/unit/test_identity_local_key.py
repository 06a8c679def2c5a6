"""The key of one process, for whoever is its own user."""

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
    """One in which there is a key, so that nobody is anonymous."""
    store = MemoryKeys()
    await ApiKeys(store, SystemClock()).create("ci")
    return store


async def test_it_stands_for_the_local_owner_and_everything_though_there_are_keys(store: MemoryKeys) -> None:
    key = LocalKey()
    authenticator = Authenticator(ApiKeyCache(store, SystemClock()), local=key)

    caller = await authenticator.authenticate(key.secret.reveal())

    assert Caller(LOCAL, frozenset({Scope.ADMIN})) == caller
    with pytest.raises(InvalidCredentialError):
        await authenticator.authenticate_anonymous(is_local=True)


async def test_it_is_known_to_no_other_process(store: MemoryKeys) -> None:
    ended, lent = LocalKey(), LocalKey()
    ring = ApiKeyCache(store, SystemClock())

    with pytest.raises(InvalidCredentialError, match="a server that has ended"):
        await Authenticator(ring, local=lent).authenticate(ended.secret.reveal())
    with pytest.raises(InvalidCredentialError, match="none that this server gives out"):
        await Authenticator(ring).authenticate(ended.secret.reveal())


async def test_what_only_begins_like_it_is_refused() -> None:
    key = LocalKey()

    for text in (key.secret.reveal()[:-1], key.secret.reveal() + "x", "aether-local_", "aether-local_ü"):
        assert key.matches(text)
        with pytest.raises(InvalidCredentialError):
            await key.verify(text)


async def test_no_look_at_the_store_is_made_for_it(store: MemoryKeys) -> None:
    key = LocalKey()
    store.asked.clear()

    await Authenticator(ApiKeyCache(store, SystemClock()), local=key).authenticate(key.secret.reveal())

    assert store.asked == []


def test_it_does_not_show_itself() -> None:
    key = LocalKey()

    assert key.secret.reveal()[-20:] not in f"{key!r} {key} {vars(key)}"
