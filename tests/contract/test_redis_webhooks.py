"""Webhooks on Redis: expiry, clean-up and cost."""

from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

from msgspec.structs import replace

from aether.adapters.redis.keys import DELIVERIES, DELIVERIES_OF_JOB, DELIVERY, DELIVERY_MS, PRUNE_EVERY, WEBHOOKS
from aether.adapters.redis.webhooks import RedisWebhooks
from aether.domain.webhook import Delivery, DeliveryStatus
from tests.contract.job_store_harness import NEW_JOB, QUEUE, RedisJobStoreHarness
from tests.contract.webhook_harness import (
    JOB_WITH_WEBHOOK,
    WEBHOOK,
    RedisWebhookHarness,
    create_delivery,
    end_delivery,
    failed_attempt,
)

DAY_S = 86_400.0


async def delivery_of(harness: RedisJobStoreHarness, job_id: str = NEW_JOB.id) -> Delivery:
    return await create_delivery(RedisWebhookHarness(harness.client), replace(JOB_WITH_WEBHOOK, id=job_id))


async def expire(harness: RedisJobStoreHarness, delivery: Delivery) -> None:
    """Expire the record."""
    await harness.client.delete(DELIVERY + delivery.id)


async def test_no_key_of_a_webhook_is_without_a_time_to_live(redis_harness: RedisJobStoreHarness) -> None:
    webhooks = RedisWebhooks(redis_harness.client)
    await webhooks.set_endpoint("ada", WEBHOOK)
    await webhooks.rotate("ada", "whsec_one", timedelta(days=1))
    delivery = await delivery_of(redis_harness)
    await webhooks.record(delivery, failed_attempt(delivery), DAY_S)

    queues = {WEBHOOKS, QUEUE}  # Redis deletes them with their last entry.
    forever = [
        key for key in await redis_harness.keys() if key not in queues and await redis_harness.client.pttl(key) == -1
    ]
    assert forever == []


async def test_erasing_a_job_leaves_nothing_of_its_deliveries(redis_harness: RedisJobStoreHarness) -> None:
    for _ in range(2):
        delivery = await delivery_of(redis_harness)
        await RedisWebhooks(redis_harness.client).record(delivery, failed_attempt(delivery), 5.0)
        await redis_harness.store.erase(NEW_JOB.id)

    left = {key for key in await redis_harness.keys() if not key.startswith("aether:pace:")}
    assert {f"{WEBHOOKS}:bell"} == left


async def test_a_delivery_outlives_the_longest_wait_for_an_attempt(redis_harness: RedisJobStoreHarness) -> None:
    """So does the queue entry of the next attempt."""
    client = redis_harness.client
    delivery = await delivery_of(redis_harness)

    await RedisWebhooks(client).record(delivery, failed_attempt(delivery), DAY_S)

    lives = [await client.pttl(DELIVERY + delivery.id), await client.pttl(f"arq:job:{delivery.id}:2")]
    assert all(life > DAY_S * 1_000 + DELIVERY_MS - 60_000 for life in lives)


async def test_the_next_attempt_is_not_due_early(redis_harness: RedisJobStoreHarness) -> None:
    client = redis_harness.client
    delivery = await delivery_of(redis_harness)

    await RedisWebhooks(client).record(delivery, failed_attempt(delivery), DAY_S)

    now_s, _ = await client.time()
    due_ms = await client.zscore(WEBHOOKS, f"{delivery.id}:2")
    assert due_ms is not None
    assert DAY_S - 60 < due_ms / 1_000 - now_s < DAY_S + 60


async def test_deliveries_of_owners_take_turns(redis_harness: RedisJobStoreHarness) -> None:
    """For first attempts and for replays."""
    webhook_harness = RedisWebhookHarness(redis_harness.client)
    for owner, job_id in [("ada", "a1"), ("ada", "a2"), ("bob", "b1")]:
        await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id=job_id, owner=owner))
    again = await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id="b2", owner="bob"))
    await end_delivery(webhook_harness, again)
    await redis_harness.client.zrem(WEBHOOKS, f"{again.id}:1")  # no worker is here to do so
    await RedisWebhooks(redis_harness.client).replay(again.id)

    queued = [delivery_id.partition("-")[0] for delivery_id, _ in await webhook_harness.queued()]
    assert queued == ["a1", "b1", "a2", "b2"]


async def test_a_list_skips_expired_deliveries_and_removes_them(redis_harness: RedisJobStoreHarness) -> None:
    old, new = [await delivery_of(redis_harness, job_id) for job_id in ("a", "b")]
    await expire(redis_harness, old)

    page = await RedisWebhooks(redis_harness.client).list("ada", None, None, 10)

    assert [new.id] == [each.id for each in page.deliveries]
    assert await redis_harness.client.zcard(f"{DELIVERIES}all:ada") == 1


async def test_a_page_is_full_however_many_deliveries_have_expired(redis_harness: RedisJobStoreHarness) -> None:
    made = [await delivery_of(redis_harness, f"{at:03}") for at in range(230)]
    for delivery in made[5:-1]:
        await expire(redis_harness, delivery)

    page = await RedisWebhooks(redis_harness.client).list("ada", None, None, 5)

    assert [each.id for each in (made[-1], *made[4:0:-1])] == [each.id for each in page.deliveries]
    assert page.next


async def test_expired_deliveries_do_not_pile_up_in_unread_lists(redis_harness: RedisJobStoreHarness) -> None:
    for at in range(40):
        await expire(redis_harness, await delivery_of(redis_harness, str(uuid5(NAMESPACE_URL, f"{at}"))))

    assert await redis_harness.client.zcard(f"{DELIVERIES}all:ada") <= 2 * PRUNE_EVERY


async def test_a_delivery_is_in_the_list_of_its_status_only(redis_harness: RedisJobStoreHarness) -> None:
    delivery = await delivery_of(redis_harness)
    dead = replace(delivery, status=DeliveryStatus.DEAD)

    await RedisWebhooks(redis_harness.client).record(dead, failed_attempt(delivery), None)

    lists = {key for key in await redis_harness.keys() if key.startswith((DELIVERIES, DELIVERIES_OF_JOB))}
    assert {f"{DELIVERIES}all:ada", f"{DELIVERIES}dead:ada", f"{DELIVERIES_OF_JOB}{NEW_JOB.id}"} == lists
