from aether.adapters.jwt.caller_cache import CallerCache
from aether.domain.access import Caller, Scope
from tests.fakes import FastClock


def caller(owner: str) -> Caller:
    return Caller(owner, frozenset({Scope.READ}))


def cache_with(*owners: str, max_size: int = 3) -> CallerCache:
    cache = CallerCache(max_size, FastClock())
    for owner in owners:
        cache.put(owner.encode(), caller(owner), 60)
    return cache


def test_an_unknown_token_has_no_caller() -> None:
    assert cache_with("ada").get(b"eve") is None


def test_the_size_is_limited() -> None:
    cache = cache_with("ada", "bea", "cleo", "dora")

    assert [cache.get(owner) for owner in (b"ada", b"dora")] == [None, caller("dora")]


def test_the_least_recently_used_entry_is_evicted() -> None:
    cache = cache_with("ada", "bea", "cleo")

    cache.get(b"ada")
    cache.put(b"dora", caller("dora"), 60)

    assert [cache.get(owner) for owner in (b"ada", b"bea")] == [caller("ada"), None]


def test_an_entry_with_no_time_to_live_is_not_returned() -> None:
    cache = cache_with()

    cache.put(b"ada", caller("ada"), 0)

    assert cache.get(b"ada") is None
