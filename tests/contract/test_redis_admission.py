"""What only a store on Redis promises of idempotency keys and of jobs in flight: keys, times to live, cost."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import ONCE, RECORD
from aether.adapters.redis.store import Queueing, RedisJobStore
from aether.domain.job import Change, Kind, Status
from aether.errors import TooManyJobsError
from aether.services.admission import keyed
from tests.contract.benches import NEW, QUEUE, TTL, RedisBench, begun, brought_to
from tests.contract.test_listing import named
from tests.contract.test_redis_listing import commands

FIRST = keyed(NEW, "my-order-of-today")
TTL_MS = int(TTL.total_seconds() * 1000)


async def keys_of_orders(bench: RedisBench) -> list[str]:
    return [key for key in await bench.keys() if key.startswith(ONCE)]


async def key_of(bench: RedisBench) -> str:
    (key,) = await keys_of_orders(bench)
    return key


async def expires_at(bench: RedisBench, key: str) -> int:
    # redis-py types the answers of its two kinds of client as one.
    return int(await bench.client.pexpiretime(key))  # type: ignore[misc]


async def test_a_key_is_kept_as_a_digest(redis_bench: RedisBench) -> None:
    await redis_bench.store.create(FIRST)

    assert FIRST.once
    assert await key_of(redis_bench) == ONCE + FIRST.once.key
    told = [await redis_bench.client.hgetall(key) for key in (ONCE + FIRST.once.key, RECORD + FIRST.id)]  # type: ignore[misc]
    values = [value for fields in told for value in fields.values()]
    assert [value for value in values if b"my-order-of-today" in value] == []


async def test_a_key_lives_exactly_as_long_as_its_record_from_change_to_change(redis_bench: RedisBench) -> None:
    job = await begun(redis_bench.store, FIRST)
    key = await key_of(redis_bench)
    changes = [
        redis_bench.store.commit(job.id, job.epoch, job.version, Change(total=2)),
        redis_bench.store.move(job.id, Change(status=Status.FAILED)),
        redis_bench.store.move(job.id, Change(status=Status.PENDING)),
        redis_bench.store.begin(job.id),
    ]
    for change in changes:
        await redis_bench.client.pexpire(key, 5_000)
        await change
        assert await expires_at(redis_bench, key) == await expires_at(redis_bench, RECORD + job.id)
        assert await redis_bench.client.pttl(key) > TTL_MS / 2


async def test_asking_again_renews_nothing(redis_bench: RedisBench) -> None:
    await redis_bench.store.create(FIRST)
    for key in (await key_of(redis_bench), RECORD + FIRST.id):
        await redis_bench.client.pexpire(key, 5_000)

    await redis_bench.store.create(replace(FIRST, id="again"))

    assert await redis_bench.client.pttl(await key_of(redis_bench)) <= 5_000


async def test_erasing_leaves_a_key_that_stands_for_another_job_by_now(redis_bench: RedisBench) -> None:
    """One that Redis has lost is free, and may have been taken since."""
    await redis_bench.store.create(FIRST)
    await redis_bench.client.delete(await key_of(redis_bench))
    await redis_bench.store.create(replace(FIRST, id="since"))

    await redis_bench.store.erase(FIRST.id)

    assert await redis_bench.store.create(replace(FIRST, id="again")) == "since"


@pytest.mark.parametrize("status", list(Status))
async def test_erasing_leaves_no_key_of_an_order(redis_bench: RedisBench, status: Status) -> None:
    await brought_to(redis_bench.store, status, FIRST)

    await redis_bench.store.erase(FIRST.id)

    assert await keys_of_orders(redis_bench) == []


async def test_a_key_whose_job_is_gone_is_free_though_it_is_still_there(redis_bench: RedisBench) -> None:
    """As in a Redis that has lost a part of what it had."""
    await redis_bench.store.create(FIRST)
    await redis_bench.client.delete(RECORD + FIRST.id)

    assert await redis_bench.store.create(replace(FIRST, id="again")) == "again"
    assert await redis_bench.store.create(replace(FIRST, id="third")) == "again"


async def test_jobs_that_expired_while_they_waited_or_ran_make_room(redis_bench: RedisBench) -> None:
    brief = RedisJobStore(redis_bench.client, Queueing(QUEUE, "perform", 100), timedelta(milliseconds=40))
    for kind in Kind:
        await brief.create(replace(named(kind), kind=kind), most=3)
    await brief.begin(Kind.REPORT)
    while await redis_bench.client.exists(*(RECORD + kind for kind in Kind)):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)

    assert await brief.create(NEW, most=1) == NEW.id


async def test_what_has_expired_is_counted_no_longer_but_what_lives_is(redis_bench: RedisBench) -> None:
    brief = RedisJobStore(redis_bench.client, Queueing(QUEUE, "perform", 100), timedelta(milliseconds=40))
    await redis_bench.store.create(named("lives"))
    await brief.create(named("expires"))
    while await redis_bench.client.exists(f"{RECORD}expires"):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.005)

    with pytest.raises(TooManyJobsError):
        await brief.create(NEW, most=1)
    assert await brief.create(NEW, most=2) == NEW.id


async def test_no_list_is_counted_where_nothing_limits_the_owner(valkey_client: Redis) -> None:
    bench = RedisBench(valkey_client)
    await bench.store.create(named("first"))

    free = await commands(valkey_client, bench.store.create(named("free")))
    capped = await commands(valkey_client, bench.store.create(named("capped"), most=100))

    assert (free["zcard"], capped["zcard"], free["hmget"]) == (0, 2 * len(Kind), capped["hmget"])


async def test_being_refused_costs_the_same_for_ten_jobs_in_flight_as_for_hundreds(valkey_client: Redis) -> None:
    bench = RedisBench(valkey_client)

    async def refused(most: int) -> None:
        with pytest.raises(TooManyJobsError):
            await bench.store.create(named("late"), most)

    await asyncio.gather(*(bench.store.create(named(f"a-{at}")) for at in range(10)))
    await refused(10)  # from here on the server knows the scripts
    of_few = await commands(valkey_client, refused(10))
    await asyncio.gather(*(bench.store.create(named(f"b-{at}")) for at in range(500)))
    of_many = await commands(valkey_client, refused(510))

    of_few.pop("config|resetstat"), of_many.pop("config|resetstat")
    assert of_few == of_many


async def test_a_key_that_a_job_was_refused_under_is_not_kept(redis_bench: RedisBench) -> None:
    with pytest.raises(TooManyJobsError):
        await redis_bench.store.create(FIRST, most=0)

    assert await keys_of_orders(redis_bench) == []
