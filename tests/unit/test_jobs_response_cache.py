from datetime import UTC, datetime

import pytest

from aether.api.jobs.response_cache import CachedResponse, ResponseCache
from aether.domain.snapshot import Revision, Snapshot

ONE = 1_125  # a URL of one letter, 100 bytes, and what keeping them takes
REVISION = Revision(7, datetime(2026, 11, 1, tzinfo=UTC))


def response(size: int) -> CachedResponse:
    return CachedResponse(REVISION, {"ETag": '"7"'}, b"x" * size)


def test_what_was_kept_is_found_under_its_url() -> None:
    cache = ResponseCache()

    cache.keep("a", response(10))

    assert [response(10), None] == [cache.get("a"), cache.get("b")]


def test_no_more_is_kept_than_there_is_room_for_and_the_latest_asked_for_stay() -> None:
    cache = ResponseCache(most=3 * ONE)
    for url in "abc":
        cache.keep(url, response(100))
    cache.get("a")

    cache.keep("d", response(100))

    assert [url for url in "abcd" if cache.get(url)] == ["a", "c", "d"]
    assert cache.size == 3 * ONE


def test_what_is_larger_than_all_may_be_is_not_kept_and_drives_nothing_out() -> None:
    cache = ResponseCache(most=ONE)
    cache.keep("a", response(100))

    cache.keep("b", response(101))

    assert [bool(cache.get("a")), bool(cache.get("b")), cache.size] == [True, False, ONE]


def test_a_newer_one_takes_the_place_of_an_older_one() -> None:
    cache = ResponseCache()
    cache.keep("a", response(100))

    cache.keep("a", response(10))

    assert (len(cache), cache.size) == (1, ONE - 90)


def test_one_that_became_too_large_leaves_no_older_one_behind() -> None:
    cache = ResponseCache(most=ONE)
    cache.keep("a", response(100))

    cache.keep("a", response(101))

    assert (len(cache), cache.size) == (0, 0)


async def test_a_store_that_says_it_stands_as_before_to_whoever_has_seen_nothing_is_not_believed() -> None:
    async def unchanged(_: Revision | None) -> Snapshot | None:
        return None

    with pytest.raises(AssertionError):
        await ResponseCache().current("a", unchanged)
