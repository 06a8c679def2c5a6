"""Creating, listing, revoking and rotating API keys."""

import asyncio
import math
import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from aether.domain.access import Quota, Rate, Scope
from aether.errors import FieldError, NameTakenError, UnknownKeyError
from aether.identity.api_keys import ApiKeys
from tests.fake_keys import MemoryKeys
from tests.fakes import FastClock

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def keys(clock: FastClock) -> ApiKeys:
    return ApiKeys(MemoryKeys(), clock)


async def test_a_key_has_a_256_bit_secret_of_which_only_the_digest_is_stored(keys: ApiKeys) -> None:
    key, secret = await keys.create("ci")

    text = secret.reveal()
    assert re.fullmatch(f"aether_{key.id}_[A-Za-z0-9_-]{{43}}", text)
    assert re.fullmatch("[a-z2-7]{12}", key.id)
    assert [sha256(text.encode()).hexdigest()] == [each.sha256 for each in key.digests]
    assert (key,) == await keys.list()


async def test_a_secret_is_never_printed(keys: ApiKeys) -> None:
    made = await keys.create("ci")

    assert made[1].reveal() not in f"{made!r} {made[1]}"
    assert made[1].reveal()[20:] not in repr(await keys.list())


async def test_a_key_has_its_name_as_owner_and_may_read_and_write_by_default(keys: ApiKeys) -> None:
    default, _ = await keys.create("ci")
    quota = Quota(Rate(10, 60), 2)
    other, _ = await keys.create("ops", "ada@example.com", [Scope.ADMIN], DAY, quota)

    assert (default.owner, set(default.scopes), default.expires_at) == ("ci", {Scope.READ, Scope.WRITE}, None)
    assert (other.owner, set(other.scopes), other.quota) == ("ada@example.com", {Scope.ADMIN}, quota)
    assert other.expires_at == other.created_at + DAY


async def test_valid_keys_have_unique_names(keys: ApiKeys, clock: FastClock) -> None:
    first, _ = await keys.create("ci", expires_in=DAY)
    with pytest.raises(NameTakenError):
        await keys.create("ci")

    clock.seconds += DAY.total_seconds()
    second, _ = await keys.create("ci")
    await keys.revoke("ci")
    third, _ = await keys.create("ci")

    assert {first.id, second.id, third.id} == {key.id for key in await keys.list()}


async def test_a_name_is_unique_among_concurrent_creations(keys: ApiKeys) -> None:
    made = await asyncio.gather(*(keys.create("ci") for _ in range(20)), return_exceptions=True)

    assert [type(each) for each in made].count(NameTakenError) == 19
    assert len(await keys.list()) == 1


async def test_concurrently_created_keys_are_all_stored(keys: ApiKeys) -> None:
    made = await asyncio.gather(*(keys.create(f"ci-{number}") for number in range(20)))

    assert {key for key, _ in made} == set(await keys.list())


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a" * 65}),
        ("name", {"name": "two words"}),
        ("name", {"name": "ci\n"}),
        ("owner", {"owner": ""}),
        ("owner", {"owner": "a" * 256}),
        ("owner", {"owner": "ada\x1b[2J"}),
        ("owner", {"owner": "ada "}),
        ("scopes", {"scopes": []}),
        ("expires_in", {"expires_in": timedelta(0)}),
        ("quota.jobs", {"quota": Quota(jobs=0)}),
        ("quota.rate", {"quota": Quota(Rate(0, 60))}),
        ("quota.jobs", {"quota": Quota(jobs=10**9)}),
        ("quota.rate", {"quota": Quota(Rate(1, 0))}),
        ("quota.rate", {"quota": Quota(Rate(10**9, 60))}),
        ("quota.rate", {"quota": Quota(Rate(1, 10**6))}),
        ("quota.rate", {"quota": Quota(Rate(1, math.inf))}),
        ("quota.rate", {"quota": Quota(Rate(1, math.nan))}),
    ],
)
async def test_an_error_names_the_invalid_field(keys: ApiKeys, field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError) as broken:
        await keys.create(**{"name": "ci"} | arguments)

    assert broken.value.field == field
    assert await keys.list() == ()


@pytest.mark.parametrize("by", ["id", "name"])
async def test_a_key_is_revoked_by_id_or_name(keys: ApiKeys, by: str) -> None:
    key, _ = await keys.create("ci")

    revoked = await keys.revoke(getattr(key, by))

    assert (revoked.id, revoked.revoked_at) == (key.id, key.created_at)
    assert (revoked,) == await keys.list()


async def test_revoking_again_keeps_the_first_time(keys: ApiKeys, clock: FastClock) -> None:
    key, _ = await keys.create("ci")
    revoked = await keys.revoke(key.id)
    clock.seconds += 60

    assert revoked == await keys.revoke(key.id)


async def test_a_new_key_removes_keys_that_ended_long_ago(keys: ApiKeys, clock: FastClock) -> None:
    """Otherwise each process would hold every key ever created, and reload them at each change."""
    for name, days in (("soon", 1), ("late", 25), ("never", None)):
        await keys.create(name, expires_in=None if days is None else timedelta(days=days))
    await keys.create("given-up")
    await keys.revoke("given-up")
    clock.seconds += timedelta(days=31, hours=1).total_seconds()

    await keys.create("new")

    assert {key.name for key in await keys.list()} == {"late", "never", "new"}


async def test_a_missing_or_revoked_key_cannot_be_revoked_or_rotated(keys: ApiKeys) -> None:
    key, _ = await keys.create("ci")
    await keys.revoke(key.id)

    for call in (keys.revoke("ci"), keys.revoke("nobody"), keys.rotate("ci"), keys.rotate(key.id)):
        with pytest.raises(UnknownKeyError):
            await call


async def test_an_expired_key_cannot_be_rotated(keys: ApiKeys, clock: FastClock) -> None:
    key, _ = await keys.create("ci", expires_in=DAY)
    clock.seconds += DAY.total_seconds()

    with pytest.raises(UnknownKeyError):
        await keys.rotate(key.id)


async def test_a_rotated_key_has_only_a_new_secret(keys: ApiKeys) -> None:
    key, first = await keys.create("ci", "ada")

    rotated, second = await keys.rotate("ci")

    assert (rotated.id, rotated.owner, rotated.name) == (key.id, "ada", "ci")
    assert second.reveal() != first.reveal()
    assert [sha256(second.reveal().encode()).hexdigest()] == [each.sha256 for each in rotated.digests]


async def test_previous_secrets_stay_valid_for_the_overlap_at_most(keys: ApiKeys) -> None:
    created, _ = await keys.create("ci")
    began = created.created_at

    long, _ = await keys.rotate("ci", 2 * DAY)
    short, _ = await keys.rotate("ci", DAY)
    none, _ = await keys.rotate("ci")

    assert [each.until for each in long.digests] == [None, began + 2 * DAY]
    assert [each.until for each in short.digests] == [None, began + DAY, began + DAY]
    assert [each.until for each in none.digests] == [None]


async def test_a_later_overlap_does_not_extend_an_earlier_one(keys: ApiKeys) -> None:
    created, _ = await keys.create("ci")
    began = created.created_at

    await keys.rotate("ci", DAY)
    rotated, _ = await keys.rotate("ci", 2 * DAY)

    assert [each.until for each in rotated.digests] == [None, began + 2 * DAY, began + DAY]


async def test_a_negative_overlap_is_rejected(keys: ApiKeys) -> None:
    await keys.create("ci")

    with pytest.raises(FieldError, match="overlap: must not be negative"):
        await keys.rotate("ci", -DAY)
