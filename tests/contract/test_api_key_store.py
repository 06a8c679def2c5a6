"""API key store: what every implementation promises."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from structlog.testing import capture_logs

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.adapters.redis.keys import ACCESS_KEYS
from aether.domain.access import ApiKey, Caller, KeyDigest, Quota, Rate, Scope
from aether.errors import StoreUnavailableError
from aether.identity.api_keys import ApiKeySet, ApiKeyStore
from tests.fake_keys import MemoryKeys

BEGAN = datetime(2026, 1, 1, 12, 30, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = ApiKey("aaaaaaaaaaaa", "ci", "ada@example.com", frozenset({Scope.READ}), BEGAN, (KeyDigest("0" * 64),))
WHOLE = ApiKey(
    id="bbbbbbbbbbbb",
    name="ops",
    owner="Ops, all of them: ü",
    scopes=frozenset(Scope),
    created_at=BEGAN + DAY,
    digests=(KeyDigest("1" * 64), KeyDigest("2" * 64, BEGAN + 2 * DAY)),
    quota=Quota(Rate(600, 0.5), 3),
    expires_at=BEGAN + 3 * DAY,
    revoked_at=BEGAN + 2 * DAY,
)


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def store(request: pytest.FixtureRequest) -> ApiKeyStore:
    if request.param == "memory":
        return MemoryKeys()
    return RedisApiKeyStore(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "redis"])
def store_unreachable(request: pytest.FixtureRequest) -> ApiKeyStore:
    if request.param == "memory":
        return MemoryKeys(is_unavailable=True)
    return RedisApiKeyStore(Redis(unix_socket_path="/nowhere/valkey.sock"))


@pytest.fixture(params=["fakeredis", "valkey"])
def client(request: pytest.FixtureRequest) -> Redis:
    client: Redis = request.getfixturevalue(f"{request.param}_client")
    return client


async def test_without_any_key_the_version_is_zero(store: ApiKeyStore) -> None:
    assert await store.version() == 0
    assert ApiKeySet() == await store.load()


@pytest.mark.parametrize("key", [KEY, WHOLE], ids=lambda key: key.name)
async def test_all_fields_of_a_key_are_stored(store: ApiKeyStore, key: ApiKey) -> None:
    assert await store.put(key, 0)

    assert (key,) == (await store.load()).keys


async def test_each_change_has_a_new_version(store: ApiKeyStore) -> None:
    versions = [0]
    for key in (KEY, WHOLE, replace(KEY, revoked_at=BEGAN)):
        assert await store.put(key, versions[-1])
        versions.append(await store.version())

    assert sorted(set(versions)) == versions
    assert (await store.load()).version == versions[-1]


async def test_a_change_based_on_an_old_version_is_rejected(store: ApiKeyStore) -> None:
    await store.put(KEY, 0)
    before = await store.load()

    assert not await store.put(WHOLE, 0)
    assert not await store.put(replace(KEY, name="other"), 0)
    assert before == await store.load()


async def test_a_change_may_be_repeated_after_a_lost_answer(store: ApiKeyStore) -> None:
    await store.put(KEY, 0)
    before = await store.load()

    assert await store.put(KEY, 0)
    assert before == await store.load()


async def test_a_key_replaces_the_one_with_its_id(store: ApiKeyStore) -> None:
    await store.put(KEY, 0)
    revoked = replace(KEY, revoked_at=BEGAN)

    await store.put(revoked, await store.version())

    assert (revoked,) == (await store.load()).keys


async def test_other_keys_can_be_dropped_with_a_change(store: ApiKeyStore) -> None:
    assert await store.put(KEY, 0)
    assert await store.put(WHOLE, await store.version(), [KEY.id, "never"])

    held = await store.load()

    assert held.keys == (WHOLE,)
    assert not await store.put(KEY, held.version - 1, [WHOLE.id])
    assert held == await store.load()


async def test_the_oldest_key_comes_first(store: ApiKeyStore) -> None:
    for key in (WHOLE, replace(KEY, id="cccccccccccc"), KEY):
        await store.put(key, await store.version())

    assert [key.id[0] for key in (await store.load()).keys] == ["a", "c", "b"]


async def test_one_of_many_concurrent_changes_is_made(store: ApiKeyStore) -> None:
    keys = [replace(KEY, id=f"{number:012}") for number in range(20)]

    kept = await asyncio.gather(*(store.put(key, 0) for key in keys))

    assert sum(kept) == 1
    assert (keys[kept.index(True)],) == (await store.load()).keys


async def test_a_store_that_does_not_answer_says_so(store_unreachable: ApiKeyStore) -> None:
    for asking in (store_unreachable.version(), store_unreachable.load(), store_unreachable.put(KEY, 0)):
        with pytest.raises(StoreUnavailableError):
            await asking


async def test_no_version_is_used_twice_even_if_redis_lost_the_latest(client: Redis) -> None:
    store = RedisApiKeyStore(client)
    await store.put(KEY, 0)
    saved = await client.dump(ACCESS_KEYS)
    await store.put(WHOLE, await store.version())
    lost = await store.version()

    await client.restore(ACCESS_KEYS, 0, saved, replace=True)
    await store.put(replace(KEY, revoked_at=BEGAN), await store.version())

    assert await store.version() > lost


async def test_versions_grow_even_while_the_clock_is_behind(client: Redis) -> None:
    ahead = 5_000_000_000_000_000
    # redis-py types the answers of its two kinds of client as one.
    await client.hset(ACCESS_KEYS, mapping={"version": ahead})  # type: ignore[misc]

    assert await RedisApiKeyStore(client).put(KEY, ahead)

    assert await RedisApiKeyStore(client).version() == ahead + 1


@pytest.mark.parametrize("content", [b"", b"null", b'{"id":"cccccccccccc"}'])
async def test_an_unreadable_key_is_skipped(client: Redis, content: bytes) -> None:
    store = RedisApiKeyStore(client)
    await store.put(KEY, 0)
    await client.hset(ACCESS_KEYS, mapping={"cccccccccccc": content})  # type: ignore[misc]  # as above

    with capture_logs() as logs:
        held = await store.load()

    assert held.keys == (KEY,)
    assert logs == [{"event": "keys.unreadable", "key_id": "cccccccccccc", "log_level": "warning"}]


async def test_of_the_scopes_of_a_key_those_apply_that_this_version_knows(client: Redis) -> None:
    store = RedisApiKeyStore(client)
    await store.put(KEY, 0)
    content = msgspec.json.encode(replace(WHOLE, scopes=frozenset({Scope.READ, Scope("audit")})))
    await client.hset(ACCESS_KEYS, mapping={WHOLE.id: content})  # type: ignore[misc]  # as above

    first, second = (await store.load()).keys
    caller = Caller(second.owner, second.scopes)

    assert (first, sorted(second.scopes)) == (KEY, ["audit", "read"])
    assert {scope: caller.may(scope) for scope in Scope} == {"read": True, "write": False, "admin": False}


async def test_a_key_that_is_changed_keeps_what_a_newer_version_has_stored_of_it(client: Redis) -> None:
    """A limit that only a newer version enforces must not be lifted by an older one, for instance by rotating a key."""
    store = RedisApiKeyStore(client)
    digest = {"sha256": "1" * 64, "until": None, "pepper": 2}
    quota = {"rate": {"requests": 600, "seconds": 0.5, "burst": [1, 2]}, "jobs": 3, "tokens": 10_000}
    fields = {"scopes": ["audit", "read"], "digests": [digest], "quota": quota, "networks": {"allow": ["10.0.0.0/8"]}}
    stored = msgspec.to_builtins(WHOLE) | fields
    await client.hset(ACCESS_KEYS, mapping={WHOLE.id: msgspec.json.encode(stored), "version": 1})  # type: ignore[misc]  # as above

    (held,) = (await store.load()).keys
    await store.put(replace(held, revoked_at=BEGAN), 1)
    content = await client.hget(ACCESS_KEYS, WHOLE.id)  # type: ignore[misc]  # as above

    assert msgspec.json.decode(content or b"") == stored | {"revoked_at": "2026-01-01T12:30:00.000005Z"}


async def test_all_keys_are_in_one_hash_that_does_not_expire(client: Redis) -> None:
    """They are configuration, like the settings."""
    await RedisApiKeyStore(client).put(WHOLE, 0)

    assert await client.keys() == [ACCESS_KEYS.encode()]
    assert await client.pttl(ACCESS_KEYS) == -1
