"""Inbox on Redis: cost, expiry and outages."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.inbox import RedisInboxStore
from aether.adapters.redis.keys import INBOX, RECORD, UNREAD
from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.domain.job import Change, Status
from aether.domain.notification import Acknowledgement, InboxPage
from aether.errors import StoreUnavailableError
from aether.leased_queue.keys import HOUR_MS
from tests.contract.inbox_harness import OWNER, all_notifications, end_job, end_job_again, job_ids, redis_inbox_harness
from tests.contract.job_store_harness import NEW_JOB, QUEUE, TTL, RedisJobStoreHarness
from tests.contract.test_redis_listing import commands

KEYS = (INBOX + OWNER, UNREAD + OWNER)
TTL_MS = int(TTL.total_seconds() * 1000)


async def set_back(client: Redis, by: timedelta) -> None:
    """Make all notifications this much older."""
    by_us = int(by.total_seconds() * 1_000_000)
    for key in KEYS:
        for entry, score in await client.zrange(key, 0, -1, withscores=True):
            number, _, rest = entry.partition(b":")
            await client.zrem(key, entry)
            await client.zadd(key, {b"%d:%b" % (int(number) - by_us, rest): score - by_us})


async def many(client: Redis, number: int, prefix: str) -> None:
    store = RedisJobStoreHarness(client).store
    await asyncio.gather(*(end_job(store, f"{prefix}-{at}", Status.CANCELLED) for at in range(number)))


async def test_an_inbox_expires_after_its_latest_notification(redis_harness: RedisJobStoreHarness) -> None:
    """The time to live of all notifications is extended once in an hour."""
    await end_job(redis_harness.store, "a")
    await redis_harness.client.delete(UNREAD + OWNER)  # as if it were read

    await end_job(redis_harness.store, "b")

    lives = [await redis_harness.client.pttl(key) for key in KEYS]
    assert all(TTL_MS + HOUR_MS - 5_000 < life <= TTL_MS + HOUR_MS for life in lives), lives


async def test_an_inbox_has_a_time_to_live_of_its_own(redis_harness: RedisJobStoreHarness) -> None:
    queue = QueueSettings(QUEUE, "perform", 10)
    store = RedisJobStore(redis_harness.client, queue, timedelta(seconds=1), timedelta(days=2))

    await end_job(store, "a")

    assert all([await redis_harness.client.pttl(key) > 1_000_000 for key in KEYS])
    assert await redis_harness.client.pttl(RECORD + "a") <= 1_000


async def test_old_notifications_are_neither_returned_nor_counted_after_a_new_one(
    redis_harness: RedisJobStoreHarness,
) -> None:
    inbox_harness = redis_inbox_harness(redis_harness.client)
    await end_job(inbox_harness.store, "old")
    await set_back(redis_harness.client, TTL + timedelta(seconds=1))
    await end_job(inbox_harness.store, "new")

    page = await inbox_harness.inbox.page(OWNER, 0, 10)

    assert ([entry.job_id for entry in page.notifications], page.unread) == (["new"], 1)


async def test_old_notifications_are_not_returned_without_a_new_one(redis_harness: RedisJobStoreHarness) -> None:
    inbox_harness = redis_inbox_harness(redis_harness.client)
    await end_job(inbox_harness.store, "old")
    await set_back(redis_harness.client, TTL + timedelta(seconds=1))

    assert await inbox_harness.inbox.page(OWNER, 0, 10) == InboxPage()


async def test_old_notifications_cannot_be_acknowledged(redis_harness: RedisJobStoreHarness) -> None:
    inbox_harness = redis_inbox_harness(redis_harness.client)
    await end_job(inbox_harness.store, "old")
    await set_back(redis_harness.client, TTL + timedelta(seconds=1))
    ((_, old),) = await redis_harness.client.zrange(INBOX + OWNER, 0, -1, withscores=True)

    assert await inbox_harness.inbox.acknowledge(OWNER, [int(old)]) == Acknowledgement(0, 0)


async def test_almost_old_notifications_are_returned(redis_harness: RedisJobStoreHarness) -> None:
    inbox_harness = redis_inbox_harness(redis_harness.client)
    await end_job(inbox_harness.store, "old")
    await set_back(redis_harness.client, TTL - timedelta(minutes=1))

    assert [entry.job_id for entry in await all_notifications(inbox_harness.inbox)] == ["old"]


async def test_old_notifications_are_deleted_by_a_new_one(redis_harness: RedisJobStoreHarness) -> None:
    for name in "abc":
        await end_job(redis_harness.store, name)
    await set_back(redis_harness.client, TTL + timedelta(seconds=1))

    await end_job(redis_harness.store, "d")

    assert [await redis_harness.client.zcard(key) for key in KEYS] == [1, 1]


async def test_a_notification_comes_last_even_if_the_clock_was_set_back(redis_harness: RedisJobStoreHarness) -> None:
    inbox_harness = redis_inbox_harness(redis_harness.client)
    await end_job(inbox_harness.store, "a")
    await set_back(redis_harness.client, timedelta(minutes=-5))

    await end_job(inbox_harness.store, "b")

    first, second = await all_notifications(inbox_harness.inbox)
    assert ("a", "b", first.id + 1) == (first.job_id, second.job_id, second.id)


async def test_erasing_leaves_no_notification_of_the_job(redis_harness: RedisJobStoreHarness) -> None:
    await end_job(redis_harness.store, NEW_JOB.id)
    await end_job_again(redis_harness.store, NEW_JOB.id, Status.COMPLETED)

    await redis_harness.store.erase(NEW_JOB.id)

    assert not set(KEYS) & await redis_harness.keys()


async def test_a_record_from_before_there_were_inboxes_can_end_and_be_erased(
    redis_harness: RedisJobStoreHarness,
) -> None:
    inbox_harness = redis_inbox_harness(redis_harness.client)
    await end_job(inbox_harness.store, NEW_JOB.id)
    await redis_harness.client.hdel(RECORD + NEW_JOB.id, "notified")  # type: ignore[misc]
    await redis_harness.client.delete(*KEYS)

    await end_job_again(inbox_harness.store, NEW_JOB.id, Status.COMPLETED)
    (entry,) = await all_notifications(inbox_harness.inbox)
    await inbox_harness.store.erase(NEW_JOB.id)

    assert (entry.status, await all_notifications(inbox_harness.inbox)) == (Status.COMPLETED, ())


async def test_a_page_takes_as_many_commands_of_ten_entries_as_of_thousands(valkey_client: Redis) -> None:
    inbox = redis_inbox_harness(valkey_client).inbox
    await many(valkey_client, 10, "a")
    await all_notifications(inbox)  # from here on the server knows the script
    of_few = await commands(valkey_client, inbox.page(OWNER, 0, 5))
    await many(valkey_client, 2_000, "b")
    await inbox.acknowledge(OWNER, [entry.id for entry in (await inbox.page(OWNER, 0, 1_900)).notifications])

    of_many = await commands(valkey_client, inbox.page(OWNER, 0, 5, unacked=True))

    assert (of_few, 1, 6) == (of_many, of_many["zrange"], of_many["zscore"])


async def test_notifying_takes_as_many_commands_with_thousands_of_entries(valkey_client: Redis) -> None:
    store = RedisJobStoreHarness(valkey_client).store
    taken = []
    for number in (10, 2_000):
        await many(valkey_client, number, f"{number}")
        await store.create(replace(NEW_JOB, id=f"last of {number}"))
        taken.append(await commands(valkey_client, store.move(f"last of {number}", Change(status=Status.CANCELLED))))

    assert taken[0] == taken[1]
    assert taken[0]["evalsha"] == 1


async def test_an_unavailable_server_is_an_error() -> None:
    async with Redis(unix_socket_path="/nowhere/valkey.sock") as client:
        inbox = RedisInboxStore(client, TTL)
        for call in (inbox.page(OWNER, 0, 1), inbox.acknowledge(OWNER, [1])):
            with pytest.raises(StoreUnavailableError):
                await call


async def test_an_entry_of_a_newer_version_is_shown_in_its_own_words(redis_harness: RedisJobStoreHarness) -> None:
    """While a release is rolled out or rolled back, an older process reads what a newer one has stored."""
    await end_job(redis_harness.store, "before")
    inbox = redis_inbox_harness(redis_harness.client).inbox
    (before,) = await all_notifications(inbox)
    entry = f"{before.id + 1}:1768469409000:podcast:paused:7:of a newer version"
    for key in KEYS:
        await redis_harness.client.zadd(key, {entry: before.id + 1})
    await end_job(redis_harness.store, "after")

    pages = [await inbox.page(OWNER, after, 2) for after in (0, before.id + 1)]

    assert job_ids(*pages) == ["before", "of a newer version", "after"]
    newer = pages[0].notifications[1]
    assert (newer.kind, newer.status, newer.version, newer.acked) == ("podcast", "paused", 7, False)
    assert (await inbox.acknowledge(OWNER, [newer.id])).acknowledged == 1
