from datetime import UTC, datetime

import pytest

from aether.api.bodies import Bodies, Body
from aether.domain.sight import Sight, Stand

ONE = 1_125  # a URL of one letter, 100 bytes, and what keeping them takes
STAND = Stand(7, datetime(2026, 11, 1, tzinfo=UTC))


def body(size: int) -> Body:
    return Body(STAND, {"ETag": '"7"'}, b"x" * size)


def test_what_was_kept_is_found_under_its_url() -> None:
    bodies = Bodies()

    bodies.keep("a", body(10))

    assert [body(10), None] == [bodies.get("a"), bodies.get("b")]


def test_no_more_is_kept_than_there_is_room_for_and_the_latest_asked_for_stay() -> None:
    bodies = Bodies(most=3 * ONE)
    for url in "abc":
        bodies.keep(url, body(100))
    bodies.get("a")

    bodies.keep("d", body(100))

    assert [url for url in "abcd" if bodies.get(url)] == ["a", "c", "d"]
    assert bodies.size == 3 * ONE


def test_what_is_larger_than_all_may_be_is_not_kept_and_drives_nothing_out() -> None:
    bodies = Bodies(most=ONE)
    bodies.keep("a", body(100))

    bodies.keep("b", body(101))

    assert [bool(bodies.get("a")), bool(bodies.get("b")), bodies.size] == [True, False, ONE]


def test_a_newer_one_takes_the_place_of_an_older_one() -> None:
    bodies = Bodies()
    bodies.keep("a", body(100))

    bodies.keep("a", body(10))

    assert (len(bodies), bodies.size) == (1, ONE - 90)


def test_one_that_became_too_large_leaves_no_older_one_behind() -> None:
    bodies = Bodies(most=ONE)
    bodies.keep("a", body(100))

    bodies.keep("a", body(101))

    assert (len(bodies), bodies.size) == (0, 0)


async def test_a_store_that_says_it_stands_as_before_to_whoever_has_seen_nothing_is_not_believed() -> None:
    async def unchanged(_: Stand | None) -> Sight | None:
        return None

    with pytest.raises(AssertionError):
        await Bodies().current("a", unchanged)
