import asyncio
import random

import pytest
from redis.asyncio import Redis

from aether.adapters.redis.hub import RedisHub
from aether.adapters.redis.keys import ARRIVALS
from aether.services.inbox import InboxStore
from tests.contract.hubs import LONG_S, SHORT_S, ServerConnection, redis_place
from tests.contract.inboxes import OWNER, ended, redis_post, told
from tests.fakes import MemoryInbox, MemoryJobStore

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.


@pytest.fixture
def inbox(place: ServerConnection, server: Redis | None) -> InboxStore:
    if server is not None:
        return redis_post(server).inbox
    assert isinstance(place.store, MemoryJobStore)
    return MemoryInbox(place.store)


async def heard(place: ServerConnection, after: int, pulse: float = LONG_S, owner: str = OWNER) -> object:
    """The first news of an inbox."""
    with place.hub.arrivals(owner, after, pulse) as arrivals:
        return await anext(arrivals)


async def listening(place: ServerConnection, after: int = 0) -> asyncio.Task[object]:
    """Wait for the first news, once the server knows of it."""
    waiting = asyncio.create_task(heard(place, after))
    if isinstance(place.hub, RedisHub):
        client = place.hub._client
        while not (await client.pubsub_numsub(ARRIVALS + OWNER))[0][1]:  # noqa: ASYNC110 - no event of it
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    return waiting


async def test_of_what_came_before_the_newest_is_heard_of_at_once(place: ServerConnection, inbox: InboxStore) -> None:
    await ended(place.store, "a")
    await ended(place.store, "b")
    first, second = await told(inbox)

    assert [await heard(place, after) for after in (0, first.id)] == [second.id] * 2


async def test_an_end_wakes_who_waits_for_it(place: ServerConnection, inbox: InboxStore) -> None:
    waiting = await listening(place)

    await ended(place.store, "4f9c")

    assert [await waiting] == [entry.id for entry in await told(inbox)]


async def test_nothing_comes_and_there_is_a_pulse(place: ServerConnection, inbox: InboxStore) -> None:
    await ended(place.store, "4f9c")
    (entry,) = await told(inbox)

    with place.hub.arrivals(OWNER, entry.id, SHORT_S) as arrivals:
        assert [await anext(arrivals), await anext(arrivals)] == [None, None]


async def test_an_inbox_that_is_empty_has_nothing_to_tell(place: ServerConnection) -> None:
    assert await heard(place, 0, SHORT_S) is None


async def test_what_another_owner_is_told_wakes_nobody(place: ServerConnection) -> None:
    waiting = asyncio.create_task(heard(place, 0, 5 * SHORT_S))
    await asyncio.sleep(SHORT_S)
    await ended(place.store, "4f9c", owner=OWNER + ":x")

    assert await waiting is None


async def test_a_job_and_an_owner_of_one_name_are_not_mistaken(place: ServerConnection) -> None:
    waiting = asyncio.create_task(place.hub.changed(OWNER, 0, 5 * SHORT_S))
    await asyncio.sleep(SHORT_S)
    await ended(place.store, "4f9c")

    assert await waiting is None


async def test_no_end_is_missed_between_reading_and_waiting(place: ServerConnection, inbox: InboxStore) -> None:
    """However the end, its message, the subscription and its confirmation follow each other."""
    dice = random.Random(7)  # noqa: S311 - no secret
    after = 0
    for at in range(300):
        ending = asyncio.ensure_future(ended(place.store, f"job-{at}"))
        for _ in range(dice.randrange(8)):
            await asyncio.sleep(0)
        assert await heard(place, after)
        await ending
        (entry,) = (await inbox.page(OWNER, after, 2)).notifications
        after = entry.id


async def test_an_end_that_came_while_the_hub_was_deaf_is_heard_of(
    valkey_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether.adapters.redis.hub.subscriptions._PAUSE_S", 4 * SHORT_S)
    async with redis_place(valkey_client) as place:
        waiting = await listening(place)

        await valkey_client.client_kill_filter(_type="pubsub")
        await ended(place.store, "4f9c")

        assert [await waiting] == [entry.id for entry in await told(redis_post(valkey_client).inbox)]


async def test_a_closing_hub_ends_the_waiting(valkey_client: Redis) -> None:
    async with redis_place(valkey_client) as place:
        waiting = await listening(place)

    with pytest.raises(StopAsyncIteration):
        await waiting
