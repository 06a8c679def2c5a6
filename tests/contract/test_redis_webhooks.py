"""What only webhooks on Redis promise: what they leave behind, and what they cost."""

from datetime import timedelta

from msgspec.structs import replace

from aether.adapters.redis.keys import DELIVERIES, DELIVERIES_OF_JOB, DELIVERY, DELIVERY_MS, WEBHOOKS
from aether.adapters.redis.webhooks import RedisWebhooks
from aether.domain.webhook import Delivery, DeliveryStatus
from tests.contract import webhook_offices
from tests.contract.benches import NEW, RedisBench
from tests.contract.webhook_offices import HOOK, TOLD, RedisOffice, failed

DAY_S = 86_400.0


async def delivery_of(bench: RedisBench, job_id: str = NEW.id) -> Delivery:
    return await webhook_offices.delivery_of(RedisOffice(bench.client), replace(TOLD, id=job_id))


async def expire(bench: RedisBench, delivery: Delivery) -> None:
    """Let the time of the record be up."""
    await bench.client.delete(DELIVERY + delivery.id)


async def test_no_key_of_a_webhook_is_without_a_time_to_live(redis_bench: RedisBench) -> None:
    webhooks = RedisWebhooks(redis_bench.client)
    await webhooks.set_endpoint("ada", HOOK)
    await webhooks.rotate("ada", "whsec_one", timedelta(days=1))
    delivery = await delivery_of(redis_bench)
    await webhooks.record(delivery, failed(delivery), DAY_S)

    queues = {WEBHOOKS, "arq:queue"}  # Redis deletes them with their last entry.
    forever = [
        key for key in await redis_bench.keys() if key not in queues and await redis_bench.client.pttl(key) == -1
    ]
    assert forever == []


async def test_erasing_a_job_leaves_nothing_of_its_deliveries(redis_bench: RedisBench) -> None:
    for _ in range(2):
        delivery = await delivery_of(redis_bench)
        await RedisWebhooks(redis_bench.client).record(delivery, failed(delivery), 5.0)
        await redis_bench.store.erase(NEW.id)

    left = {key for key in await redis_bench.keys() if not key.startswith("aether:pace:")}
    assert {f"{WEBHOOKS}:bell"} == left


async def test_a_delivery_outlives_its_longest_wait(redis_bench: RedisBench) -> None:
    """The entry that makes its next try is kept as long."""
    client = redis_bench.client
    delivery = await delivery_of(redis_bench)

    await RedisWebhooks(client).record(delivery, failed(delivery), DAY_S)

    lives = [await client.pttl(DELIVERY + delivery.id), await client.pttl(f"arq:job:{delivery.id}:2")]
    assert all(life > DAY_S * 1_000 + DELIVERY_MS - 60_000 for life in lives)


async def test_the_next_try_is_not_due_before_its_time(redis_bench: RedisBench) -> None:
    client = redis_bench.client
    delivery = await delivery_of(redis_bench)

    await RedisWebhooks(client).record(delivery, failed(delivery), DAY_S)

    now_s, _ = await client.time()
    due_ms = await client.zscore(WEBHOOKS, f"{delivery.id}:2")
    assert due_ms is not None
    assert DAY_S - 60 < due_ms / 1_000 - now_s < DAY_S + 60


async def test_deliveries_of_owners_take_turns(redis_bench: RedisBench) -> None:
    """Whether they are made for the first time or once more."""
    office = RedisOffice(redis_bench.client)
    for owner, job_id in [("ada", "a1"), ("ada", "a2"), ("bob", "b1")]:
        await webhook_offices.delivery_of(office, replace(TOLD, id=job_id, owner=owner))
    again = await webhook_offices.delivery_of(office, replace(TOLD, id="b2", owner="bob"))
    await webhook_offices.ended(office, again)
    await redis_bench.client.zrem(WEBHOOKS, f"{again.id}:1")  # no worker is here to do so
    await RedisWebhooks(redis_bench.client).replay(again.id)

    assert [delivery_id.partition("-")[0] for delivery_id, _ in await office.queued()] == ["a1", "b1", "a2", "b2"]


async def test_a_list_leaves_out_what_has_expired_and_takes_it_out(redis_bench: RedisBench) -> None:
    old, new = [await delivery_of(redis_bench, job_id) for job_id in ("a", "b")]
    await expire(redis_bench, old)

    page = await RedisWebhooks(redis_bench.client).list("ada", None, None, 10)

    assert [new.id] == [each.id for each in page.deliveries]
    assert await redis_bench.client.zcard(f"{DELIVERIES}all:ada") == 1


async def test_a_page_is_filled_however_much_has_expired(redis_bench: RedisBench) -> None:
    made = [await delivery_of(redis_bench, f"{at:03}") for at in range(230)]
    for delivery in made[5:-1]:
        await expire(redis_bench, delivery)

    page = await RedisWebhooks(redis_bench.client).list("ada", None, None, 5)

    assert [each.id for each in (made[-1], *made[4:0:-1])] == [each.id for each in page.deliveries]
    assert page.next


async def test_what_has_expired_does_not_pile_up_for_who_never_looks(redis_bench: RedisBench) -> None:
    for at in range(10):
        await expire(redis_bench, await delivery_of(redis_bench, f"{at}"))

    assert await redis_bench.client.zcard(f"{DELIVERIES}all:ada") <= 2


async def test_a_delivery_stands_in_the_lists_of_its_status_and_no_other(redis_bench: RedisBench) -> None:
    delivery = await delivery_of(redis_bench)
    dead = replace(delivery, status=DeliveryStatus.DEAD)

    await RedisWebhooks(redis_bench.client).record(dead, failed(delivery), None)

    lists = {key for key in await redis_bench.keys() if key.startswith((DELIVERIES, DELIVERIES_OF_JOB))}
    assert {f"{DELIVERIES}all:ada", f"{DELIVERIES}dead:ada", f"{DELIVERIES_OF_JOB}{NEW.id}"} == lists
