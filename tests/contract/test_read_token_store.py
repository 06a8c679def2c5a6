"""Read token store: what every implementation promises."""

from datetime import timedelta
from typing import NamedTuple

import msgspec
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import READ_TOKENS, RECORD
from aether.adapters.redis.read_tokens import RedisReadTokens
from aether.domain.access import Caller, Quota, Rate, Scope
from aether.domain.job import Kind
from aether.errors import StoreUnavailableError, UnknownJobError
from aether.identity.read_tokens import ReadTokenStore
from aether.leased_queue.key_names import key_name
from tests.contract.job_store_harness import NEW_JOB, TTL, RedisJobStoreHarness
from tests.fake_read_tokens import MemoryReadTokens
from tests.fakes import FastClock, MemoryJobStore

LIFE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
READER = Caller(NEW_JOB.owner, frozenset({Scope.READ}), job_id=NEW_JOB.id)
WHOLE = replace(READER, quota=Quota(Rate(600, 0.5), 3), key_id="7hq2mzk4t5ca")
DIGESTS = [f"{number:064x}" for number in range(40)]


class MemoryReadTokenHarness:
    def __init__(self) -> None:
        self.clock = FastClock()
        self.jobs = MemoryJobStore(ttl=TTL, clock=self.clock)
        self.store = MemoryReadTokens(self.jobs)

    async def wait(self, lifetime: timedelta) -> None:
        self.clock.seconds += lifetime.total_seconds()


class RedisReadTokenHarness:
    def __init__(self, client: Redis) -> None:
        self.client = client
        self.jobs = RedisJobStoreHarness(client).store
        self.store = RedisReadTokens(client)

    async def wait(self, lifetime: timedelta) -> None:
        """Make all tokens this much older."""
        tokens = key_name(self.client, READ_TOKENS, NEW_JOB.id)
        for token in await self.client.zrange(tokens, 0, -1):
            await self.client.zincrby(tokens, -lifetime.total_seconds() * 1000, token)


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def empty_harness(request: pytest.FixtureRequest) -> MemoryReadTokenHarness | RedisReadTokenHarness:
    if request.param == "memory":
        return MemoryReadTokenHarness()
    return RedisReadTokenHarness(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture
async def token_harness(
    empty_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> MemoryReadTokenHarness | RedisReadTokenHarness:
    """The harness with a job."""
    await empty_harness.jobs.create(NEW_JOB)
    return empty_harness


@pytest.fixture(params=["fakeredis", "valkey"])
def empty_redis_harness(request: pytest.FixtureRequest) -> RedisReadTokenHarness:
    return RedisReadTokenHarness(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture
async def redis_token_harness(empty_redis_harness: RedisReadTokenHarness) -> RedisReadTokenHarness:
    """The harness with a job."""
    await empty_redis_harness.jobs.create(NEW_JOB)
    return empty_redis_harness


class Wanted(NamedTuple):
    kind: Kind = NEW_JOB.kind
    job_id: str = NEW_JOB.id
    reader: Caller = READER


OWN = Wanted()


async def add_token(
    store: ReadTokenStore, digest: str = DIGESTS[0], lifetime: timedelta = LIFE, wanted: Wanted = OWN
) -> None:
    await store.add(wanted.kind, wanted.job_id, digest, wanted.reader, lifetime)


async def valid_digests(store: ReadTokenStore) -> list[str]:
    return [digest for digest in DIGESTS if await store.load(NEW_JOB.id, digest)]


@pytest.mark.parametrize("reader", [READER, WHOLE], ids=["plain", "whole"])
async def test_all_fields_of_a_tokens_caller_are_stored(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness, reader: Caller
) -> None:
    await add_token(token_harness.store, wanted=Wanted(reader=reader))

    assert reader == await token_harness.store.load(NEW_JOB.id, DIGESTS[0])


async def test_a_token_is_valid_for_its_job_only(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> None:
    await token_harness.jobs.create(replace(NEW_JOB, id="77aa"))
    await add_token(token_harness.store)

    found = [await token_harness.store.load(job_id, DIGESTS[0]) for job_id in ("77aa", "none")]
    assert found == [None, None]
    assert await token_harness.store.load(NEW_JOB.id, DIGESTS[1]) is None


async def test_a_token_is_valid_until_it_expires(token_harness: MemoryReadTokenHarness | RedisReadTokenHarness) -> None:
    await add_token(token_harness.store)
    await token_harness.wait(LIFE - MINUTE)
    before = await valid_digests(token_harness.store)
    await token_harness.wait(MINUTE)

    assert (before, await valid_digests(token_harness.store)) == ([DIGESTS[0]], [])


async def test_a_token_expires_no_later_than_its_job(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> None:
    job = await token_harness.jobs.load(NEW_JOB.id)
    assert job
    early, late = [
        await token_harness.store.add(NEW_JOB.kind, NEW_JOB.id, DIGESTS[0], READER, life) for life in (LIFE, 2 * TTL)
    ]

    assert timedelta() <= early - (job.updated_at + LIFE) < timedelta(seconds=10)
    assert late == job.expires_at


async def test_only_the_tokens_that_expire_last_and_the_newest_stay_valid(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> None:
    for number in range(25):
        await add_token(token_harness.store, DIGESTS[number], LIFE + number * MINUTE)
    await add_token(token_harness.store, DIGESTS[30], MINUTE)

    assert await valid_digests(token_harness.store) == [*DIGESTS[6:25], DIGESTS[30]]


async def test_expired_tokens_do_not_count(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> None:
    for digest in DIGESTS[:20]:
        await add_token(token_harness.store, digest)
    await token_harness.wait(LIFE)
    for digest in DIGESTS[20:39]:
        await add_token(token_harness.store, digest)

    assert await valid_digests(token_harness.store) == DIGESTS[20:39]


async def test_adding_a_token_may_be_repeated_after_a_lost_answer(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> None:
    for digest in (*DIGESTS[:19], DIGESTS[19], DIGESTS[19]):
        await add_token(token_harness.store, digest)

    assert DIGESTS[19] in await valid_digests(token_harness.store)


@pytest.mark.parametrize(
    "wanted",
    [Wanted(job_id="none"), Wanted(kind=Kind.CHECKLIST), Wanted(reader=replace(READER, owner="eve"))],
    ids=["no job", "another kind", "another owner"],
)
async def test_a_token_needs_a_job_of_its_owner_and_kind(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness, wanted: Wanted
) -> None:
    with pytest.raises(UnknownJobError):
        await add_token(token_harness.store, wanted=wanted)

    assert await token_harness.store.load(wanted.job_id, DIGESTS[0]) is None


async def test_erasing_a_job_removes_its_tokens(
    token_harness: MemoryReadTokenHarness | RedisReadTokenHarness,
) -> None:
    await add_token(token_harness.store)

    await token_harness.jobs.erase(NEW_JOB.id)

    assert await valid_digests(token_harness.store) == []


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_a_store_that_does_not_answer_says_so(kind: str) -> None:
    nowhere = Redis(unix_socket_path="/nowhere/valkey.sock")
    store: ReadTokenStore = (
        MemoryReadTokens(MemoryJobStore(is_unavailable=True)) if kind == "memory" else RedisReadTokens(nowhere)
    )

    with pytest.raises(StoreUnavailableError):
        await add_token(store)
    with pytest.raises(StoreUnavailableError):
        await store.load(NEW_JOB.id, DIGESTS[0])


async def test_the_key_lives_as_long_as_its_last_token(redis_token_harness: RedisReadTokenHarness) -> None:
    lives = []
    for digest, lifetime in zip(DIGESTS, (LIFE, 2 * LIFE, MINUTE, 2 * TTL), strict=False):
        await add_token(redis_token_harness.store, digest, lifetime)
        lives.append(timedelta(milliseconds=await redis_token_harness.client.pttl(READ_TOKENS + NEW_JOB.id)))
    record = timedelta(milliseconds=await redis_token_harness.client.pttl(RECORD + NEW_JOB.id))

    for expected, lifetime in zip((LIFE, 2 * LIFE, 2 * LIFE, record), lives, strict=True):
        assert abs(expected - lifetime) < timedelta(seconds=10)


async def test_a_rejected_token_leaves_nothing(redis_token_harness: RedisReadTokenHarness) -> None:
    with pytest.raises(UnknownJobError):
        await add_token(redis_token_harness.store, wanted=Wanted(job_id="none"))

    assert await redis_token_harness.client.exists(READ_TOKENS + "none") == 0


async def test_erasing_a_job_deletes_the_key(redis_token_harness: RedisReadTokenHarness) -> None:
    await add_token(redis_token_harness.store)
    before = await redis_token_harness.client.exists(READ_TOKENS + NEW_JOB.id)

    await redis_token_harness.jobs.erase(NEW_JOB.id)

    assert (before, [key for key in await redis_token_harness.client.keys() if NEW_JOB.id.encode() in key]) == (1, [])


async def test_a_wrong_token_costs_as_much_with_other_tokens_as_without_a_job(
    valkey_client: Redis,
) -> None:
    token_harness = RedisReadTokenHarness(valkey_client)
    await token_harness.jobs.create(NEW_JOB)
    for digest in DIGESTS[1:20]:
        await add_token(token_harness.store, digest)
    for _ in range(2):  # the first time the server does not know the script
        sent = []
        for job_id in (NEW_JOB.id, "none"):
            before = await valkey_client.info("stats")
            await token_harness.store.load(job_id, DIGESTS[0])
            after = await valkey_client.info("stats")
            sent.append(after["total_net_output_bytes"] - before["total_net_output_bytes"])

    # The answer to the first INFO is counted; the numbers in it may be a few digits longer.
    assert abs(sent[0] - sent[1]) < 100


async def test_a_token_of_a_newer_version_is_valid(redis_token_harness: RedisReadTokenHarness) -> None:
    """Unknown scopes and fields grant nothing, and are no error."""
    await add_token(redis_token_harness.store)
    ends = await redis_token_harness.client.zscore(READ_TOKENS + NEW_JOB.id, await only_token(redis_token_harness))
    newer = msgspec.to_builtins(READER) | {"scopes": ["read", "audit"], "quota": {"tokens": 5}, "origin": "x"}
    token = DIGESTS[1].encode() + msgspec.json.encode(newer)
    await redis_token_harness.client.zadd(READ_TOKENS + NEW_JOB.id, {token: ends or 0})

    reader = await redis_token_harness.store.load(NEW_JOB.id, DIGESTS[1])

    assert reader == replace(READER, scopes=frozenset({Scope.READ, Scope("audit")}))


async def only_token(token_harness: RedisReadTokenHarness) -> bytes:
    (token,) = await token_harness.client.zrange(READ_TOKENS + NEW_JOB.id, 0, -1)
    return bytes(token)
