from aether.adapters.jwt.caller_cache import CallerCache
from aether.domain.access import Caller, Scope
from tests.fakes import FastClock


def caller(owner: str) -> Caller:
    return Caller(owner, frozenset({Scope.READ}))


def remembering(*owners: str, most: int = 3) -> CallerCache:
    remembered = CallerCache(most, FastClock())
    for owner in owners:
        remembered.remember(owner.encode(), caller(owner), 60)
    return remembered


def test_a_stranger_is_nobody() -> None:
    assert remembering("ada").recall(b"eve") is None


def test_there_are_never_more_than_so_many() -> None:
    remembered = remembering("ada", "bea", "cleo", "dora")

    assert [remembered.recall(owner) for owner in (b"ada", b"dora")] == [None, caller("dora")]


def test_whoever_was_not_seen_for_the_longest_goes_first() -> None:
    remembered = remembering("ada", "bea", "cleo")

    remembered.recall(b"ada")
    remembered.remember(b"dora", caller("dora"), 60)

    assert [remembered.recall(owner) for owner in (b"ada", b"bea")] == [caller("ada"), None]


def test_nobody_is_remembered_for_no_time() -> None:
    remembered = remembering()

    remembered.remember(b"ada", caller("ada"), 0)

    assert remembered.recall(b"ada") is None
