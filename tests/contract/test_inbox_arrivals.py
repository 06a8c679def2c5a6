import asyncio
import random

import pytest
from redis.asyncio import Redis

from aether.adapters.redis.hub import RedisHub
from aether.adapters.redis.keys import ARRIVALS
from aether.leased_queue.key_names import key_name
from aether.services.inbox import InboxStore
from tests.contract.hub_harness import LONG_S, SHORT_S, HubHarness, redis_hub_harness
from tests.contract.inbox_harness import OWNER, all_notifications, end_job, redis_inbox_harness
from tests.fakes import MemoryInbox, MemoryJobStore

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.


@pytest.fixture
def inbox(hub_harness: HubHarness, hub_client: Redis | None) -> InboxStore:
    if hub_client is not None:
        return redis_inbox_harness(hub_client).inbox
    assert isinstance(hub_harness.store, MemoryJobStore)
    return MemoryInbox(hub_harness.store)


async def first_item(hub_harness: HubHarness, after: int, keep_alive_s: float = LONG_S, owner: str = OWNER) -> object:
    """Return the first item that the watch yields."""
    with hub_harness.hub.watch_inbox(owner, after, keep_alive_s) as arrivals:
        return await anext(arrivals)


async def start_waiting(hub_harness: HubHarness, after: int = 0) -> asyncio.Task[object]:
    """Start waiting for the first item, and return when the server knows the subscription."""
    waiting = asyncio.create_task(first_item(hub_harness, after))
    if isinstance(hub_harness.hub, RedisHub):
        client = hub_harness.hub._client
        while not (await client.pubsub_numsub(key_name(client, ARRIVALS, OWNER)))[0][1]:  # noqa: ASYNC110 - no event announces it
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    return waiting


async def test_the_newest_existing_notification_is_yielded_at_once(hub_harness: HubHarness, inbox: InboxStore) -> None:
    await end_job(hub_harness.store, "a")
    await end_job(hub_harness.store, "b")
    first, second = await all_notifications(inbox)

    assert [await first_item(hub_harness, after) for after in (0, first.id)] == [second.id] * 2


async def test_an_end_of_a_job_ends_the_wait(hub_harness: HubHarness, inbox: InboxStore) -> None:
    waiting = await start_waiting(hub_harness)

    await end_job(hub_harness.store, "4f9c")

    assert [await waiting] == [entry.id for entry in await all_notifications(inbox)]


async def test_a_watch_without_a_notification_yields_keep_alives(hub_harness: HubHarness, inbox: InboxStore) -> None:
    await end_job(hub_harness.store, "4f9c")
    (entry,) = await all_notifications(inbox)

    with hub_harness.hub.watch_inbox(OWNER, entry.id, SHORT_S) as arrivals:
        assert [await anext(arrivals), await anext(arrivals)] == [None, None]


async def test_an_empty_inbox_yields_nothing(hub_harness: HubHarness) -> None:
    assert await first_item(hub_harness, 0, SHORT_S) is None


async def test_a_notification_of_another_owner_ends_no_wait(hub_harness: HubHarness) -> None:
    waiting = asyncio.create_task(first_item(hub_harness, 0, 5 * SHORT_S))
    await asyncio.sleep(SHORT_S)
    await end_job(hub_harness.store, "4f9c", owner=OWNER + ":x")

    assert await waiting is None


async def test_a_job_and_an_owner_with_one_name_are_not_confused(hub_harness: HubHarness) -> None:
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(OWNER, 0, 5 * SHORT_S))
    await asyncio.sleep(SHORT_S)
    await end_job(hub_harness.store, "4f9c")

    assert await waiting is None


async def test_no_end_is_missed_between_reading_and_waiting(hub_harness: HubHarness, inbox: InboxStore) -> None:
    """Whichever comes first: the end, its message, the subscription or its confirmation."""
    dice = random.Random(7)  # noqa: S311 - no secret
    after = 0
    for at in range(300):
        ending = asyncio.ensure_future(end_job(hub_harness.store, f"job-{at}"))
        for _ in range(dice.randrange(8)):
            await asyncio.sleep(0)
        assert await first_item(hub_harness, after)
        await ending
        (entry,) = (await inbox.page(OWNER, after, 2)).notifications
        after = entry.id


async def test_an_end_during_a_broken_connection_is_not_missed(
    valkey_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether.adapters.redis.hub.subscriptions._RECONNECT_PAUSE_S", 4 * SHORT_S)
    async with redis_hub_harness(valkey_client) as hub_harness:
        waiting = await start_waiting(hub_harness)

        await valkey_client.client_kill_filter(_type="pubsub")
        await end_job(hub_harness.store, "4f9c")

        assert [await waiting] == [
            entry.id for entry in await all_notifications(redis_inbox_harness(valkey_client).inbox)
        ]


async def test_closing_the_hub_ends_the_wait(valkey_client: Redis) -> None:
    async with redis_hub_harness(valkey_client) as hub_harness:
        waiting = await start_waiting(hub_harness)

    with pytest.raises(StopAsyncIteration):
        await waiting
