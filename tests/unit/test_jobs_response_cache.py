"""Response cache: its key, its limit in bytes, and which responses it removes."""

from datetime import UTC, datetime

import pytest

from aether.api.jobs.response_cache import CachedResponse, ResponseCache
from aether.domain.snapshot import Revision, Snapshot

ENTRY_BYTES = 1_125  # a URL of one letter, a content of 100 bytes, and the overhead
REVISION = Revision(7, datetime(2026, 11, 1, tzinfo=UTC))


def response(size: int) -> CachedResponse:
    return CachedResponse(REVISION, {"ETag": '"7"'}, b"x" * size)


def test_a_response_is_found_under_its_url() -> None:
    cache = ResponseCache()

    cache.put("a", response(10))

    assert [response(10), None] == [cache.get("a"), cache.get("b")]


def test_the_least_recently_used_response_is_removed_if_the_cache_is_full() -> None:
    cache = ResponseCache(max_bytes=3 * ENTRY_BYTES)
    for url in "abc":
        cache.put(url, response(100))
    cache.get("a")

    cache.put("d", response(100))

    assert [url for url in "abcd" if cache.get(url)] == ["a", "c", "d"]
    assert cache.size == 3 * ENTRY_BYTES


def test_a_response_larger_than_the_cache_is_not_cached_and_removes_nothing() -> None:
    cache = ResponseCache(max_bytes=ENTRY_BYTES)
    cache.put("a", response(100))

    cache.put("b", response(101))

    assert [bool(cache.get("a")), bool(cache.get("b")), cache.size] == [True, False, ENTRY_BYTES]


def test_a_newer_response_replaces_an_older_one() -> None:
    cache = ResponseCache()
    cache.put("a", response(100))

    cache.put("a", response(10))

    assert (len(cache), cache.size) == (1, ENTRY_BYTES - 90)


def test_a_response_that_became_too_large_removes_the_older_one() -> None:
    cache = ResponseCache(max_bytes=ENTRY_BYTES)
    cache.put("a", response(100))

    cache.put("a", response(101))

    assert (len(cache), cache.size) == (0, 0)


async def test_a_store_that_reports_no_change_although_nothing_is_cached_is_an_error() -> None:
    async def unchanged(_: Revision | None) -> Snapshot | None:
        return None

    with pytest.raises(AssertionError):
        await ResponseCache().get_or_load("a", unchanged)
