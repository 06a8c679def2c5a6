"""Admission on Redis: keys, expiry and cost."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import IDEMPOTENCY, RECORD
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Change, Kind, Status
from aether.errors import TooManyJobsError
from aether.services.admission import with_idempotency_key
from tests.contract.job_store_harness import NEW_JOB, QUEUE, TTL, RedisJobStoreHarness, begin_job, job_with_status
from tests.contract.test_listing import named
from tests.contract.test_redis_listing import commands
from tests.waiting import eventually

FIRST = with_idempotency_key(NEW_JOB, "my-order-of-today")
TTL_MS = int(TTL.total_seconds() * 1000)


async def idempotency_keys(harness: RedisJobStoreHarness) -> list[str]:
    return [key for key in await harness.keys() if key.startswith(IDEMPOTENCY)]


async def key_of(harness: RedisJobStoreHarness) -> str:
    (key,) = await idempotency_keys(harness)
    return key


async def expires_at(harness: RedisJobStoreHarness, key: str) -> int:
    # redis-py types the answers of its two kinds of client as one.
    return int(await harness.client.pexpiretime(key))  # type: ignore[misc]


async def test_a_key_is_stored_as_a_digest(redis_harness: RedisJobStoreHarness) -> None:
    await redis_harness.store.create(FIRST)

    assert FIRST.idempotency
    assert await key_of(redis_harness) == IDEMPOTENCY + FIRST.idempotency.key
    told = [await redis_harness.client.hgetall(key) for key in (IDEMPOTENCY + FIRST.idempotency.key, RECORD + FIRST.id)]  # type: ignore[misc]
    values = [value for fields in told for value in fields.values()]
    assert [value for value in values if b"my-order-of-today" in value] == []


async def test_a_key_lives_as_long_as_its_record(
    redis_harness: RedisJobStoreHarness,
) -> None:
    job = await begin_job(redis_harness.store, FIRST)
    key = await key_of(redis_harness)
    changes = [
        redis_harness.store.move(job.id, Change(status=Status.FAILED)),
        redis_harness.store.move(job.id, Change(status=Status.PENDING)),
        redis_harness.store.begin(job.id),
    ]
    for change in changes:
        await redis_harness.client.pexpire(key, 5_000)
        await change
        assert await expires_at(redis_harness, key) == await expires_at(redis_harness, RECORD + job.id)
        assert await redis_harness.client.pttl(key) > TTL_MS / 2


async def test_a_repeated_request_renews_nothing(redis_harness: RedisJobStoreHarness) -> None:
    await redis_harness.store.create(FIRST)
    for key in (await key_of(redis_harness), RECORD + FIRST.id):
        await redis_harness.client.pexpire(key, 5_000)

    await redis_harness.store.create(replace(FIRST, id="again"))

    assert await redis_harness.client.pttl(await key_of(redis_harness)) <= 5_000


async def test_erasing_keeps_a_key_that_belongs_to_another_job_by_now(redis_harness: RedisJobStoreHarness) -> None:
    """A key that Redis lost is free, and may have been used again."""
    await redis_harness.store.create(FIRST)
    await redis_harness.client.delete(await key_of(redis_harness))
    await redis_harness.store.create(replace(FIRST, id="since"))

    await redis_harness.store.erase(FIRST.id)

    assert await redis_harness.store.create(replace(FIRST, id="again")) == "since"


@pytest.mark.parametrize("status", list(Status))
async def test_erasing_leaves_no_idempotency_key(redis_harness: RedisJobStoreHarness, status: Status) -> None:
    await job_with_status(redis_harness.store, status, FIRST)

    await redis_harness.store.erase(FIRST.id)

    assert await idempotency_keys(redis_harness) == []


async def test_a_key_without_its_job_is_free(redis_harness: RedisJobStoreHarness) -> None:
    """Redis may have lost one of the two."""
    await redis_harness.store.create(FIRST)
    await redis_harness.client.delete(RECORD + FIRST.id)

    assert await redis_harness.store.create(replace(FIRST, id="again")) == "again"
    assert await redis_harness.store.create(replace(FIRST, id="third")) == "again"


async def test_jobs_that_expired_while_in_flight_do_not_count(redis_harness: RedisJobStoreHarness) -> None:
    brief = RedisJobStore(redis_harness.client, QueueSettings(QUEUE, "perform", 100), timedelta(milliseconds=400))
    for kind in Kind:
        await brief.create(replace(named(kind), kind=kind), max_jobs=len(Kind))
    await brief.begin(Kind.REPORT)
    await redis_harness.expire(Kind.REPORT)  # it would be kept a minute longer, as it runs
    while await redis_harness.client.exists(*(RECORD + kind for kind in Kind)):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)

    assert await brief.create(NEW_JOB, max_jobs=1) == NEW_JOB.id


async def test_only_jobs_that_have_not_expired_count(redis_harness: RedisJobStoreHarness) -> None:
    brief = RedisJobStore(redis_harness.client, QueueSettings(QUEUE, "perform", 100), timedelta(milliseconds=400))
    await redis_harness.store.create(named("lives"))
    await brief.create(named("expires"))
    while await redis_harness.client.exists(f"{RECORD}expires"):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)

    with pytest.raises(TooManyJobsError):
        await brief.create(NEW_JOB, max_jobs=1)

    async def is_accepted() -> bool:
        with suppress(TooManyJobsError):
            return await brief.create(NEW_JOB, max_jobs=2) == NEW_JOB.id
        return False

    await eventually(is_accepted)  # fakeredis may let a record expire in the millisecond before


async def test_without_a_limit_no_index_is_counted(valkey_client: Redis) -> None:
    harness = RedisJobStoreHarness(valkey_client)
    await harness.store.create(named("first"))

    free = await commands(valkey_client, harness.store.create(named("free")))
    capped = await commands(valkey_client, harness.store.create(named("capped"), max_jobs=100))

    assert (free["zcard"], capped["zcard"], free["hmget"]) == (0, 2 * len(Kind), capped["hmget"])


async def test_a_rejection_costs_the_same_for_ten_jobs_as_for_hundreds(valkey_client: Redis) -> None:
    harness = RedisJobStoreHarness(valkey_client)

    async def refused(max_jobs: int) -> None:
        with pytest.raises(TooManyJobsError):
            await harness.store.create(named("late"), max_jobs)

    await asyncio.gather(*(harness.store.create(named(f"a-{at}")) for at in range(10)))
    await refused(10)  # from here on the server knows the scripts
    of_few = await commands(valkey_client, refused(10))
    await asyncio.gather(*(harness.store.create(named(f"b-{at}")) for at in range(500)))
    of_many = await commands(valkey_client, refused(510))

    of_few.pop("config|resetstat"), of_many.pop("config|resetstat")
    assert of_few == of_many


async def test_the_key_of_a_rejected_job_is_not_stored(redis_harness: RedisJobStoreHarness) -> None:
    with pytest.raises(TooManyJobsError):
        await redis_harness.store.create(FIRST, max_jobs=0)

    assert await idempotency_keys(redis_harness) == []
