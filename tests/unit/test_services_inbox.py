"""Following an inbox: first the unacknowledged notifications, then new ones."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from aether.domain.job import Change, Kind, Status
from aether.domain.notification import Notification
from aether.durable.ports import NewJob
from aether.services.inbox import Inbox
from tests.fake_hub import MemoryHub
from tests.fakes import MemoryInbox, MemoryJobStore
from tests.waiting import PATIENCE_S

OWNER = "ada"
LONG_S = PATIENCE_S
SHORT_S = 0.01


class Harness:
    """An inbox in memory, with jobs whose end adds notifications to it."""

    def __init__(self) -> None:
        self.store = MemoryJobStore()
        self.hub = MemoryHub(self.store)
        self.inbox = MemoryInbox(self.store)
        self.notifications = Inbox(self.inbox, self.hub)

    async def end(self, *job_ids: str, owner: str = OWNER) -> None:
        """End jobs of these ids."""
        for job_id in job_ids:
            await self.store.create(NewJob(job_id, Kind.REPORT, owner, b"{}"))
            await self.store.move(job_id, Change(status=Status.CANCELLED))

    def stored(self) -> list[Notification]:
        return self.store.inboxes[OWNER]

    def follow(self, after: int = 0, keep_alive_s: float = LONG_S) -> AsyncGenerator[Notification | None, None]:
        return self.notifications.follow(OWNER, after, keep_alive_s)


@pytest.fixture
def harness() -> Harness:
    return Harness()


async def jobs(following: AsyncIterator[Notification | None], number: int) -> list[str | None]:
    """Return the job of each of the next notifications, None for a keep-alive."""
    notifications = [await anext(following) for _ in range(number)]
    return [each.job_id if each else None for each in notifications]


async def test_stored_notifications_come_first_in_order_then_new_ones(harness: Harness) -> None:
    await harness.end("b", "a")
    following = harness.follow()
    before = await jobs(following, 2)
    waiting = asyncio.ensure_future(jobs(following, 1))
    await asyncio.sleep(0)

    await harness.end("c")

    assert (before, await waiting) == (["b", "a"], ["c"])


async def test_acknowledged_notifications_are_left_out(harness: Harness) -> None:
    await harness.end("a", "b", "c")
    await harness.inbox.acknowledge(OWNER, [harness.stored()[1].id])

    assert await jobs(harness.follow(), 2) == ["a", "c"]


async def test_every_follower_without_a_cursor_gets_all_unacknowledged_notifications(harness: Harness) -> None:
    await harness.end("a", "b")

    assert [await jobs(harness.follow(), 2) for _ in range(2)] == [["a", "b"]] * 2


async def test_a_follower_with_a_cursor_gets_only_later_notifications(harness: Harness) -> None:
    await harness.end("a", "b", "c")

    assert await jobs(harness.follow(harness.stored()[0].id), 2) == ["b", "c"]


async def test_a_cursor_ahead_of_the_inbox_gives_no_old_notifications(harness: Harness) -> None:
    await harness.end("a")
    following = harness.follow(harness.stored()[0].id + 5, SHORT_S)

    assert await jobs(following, 1) == [None]


async def test_a_new_notification_comes_even_if_the_cursor_is_ahead_of_it(harness: Harness) -> None:
    """As after a failover to a server that has lost the latest ids, or whose clock is behind."""
    await harness.end("a")
    following = harness.follow(harness.stored()[0].id + 3_600_000_000, SHORT_S)
    before = await jobs(following, 1)

    await harness.end("b")

    assert (before, await jobs(following, 1)) == ([None], ["b"])


async def test_more_notifications_than_a_page_all_come(harness: Harness) -> None:
    names = [f"job-{at}" for at in range(250)]
    await harness.end(*names)

    assert await jobs(harness.follow(), 250) == names


async def test_a_quiet_inbox_yields_none_after_each_pulse(harness: Harness) -> None:
    assert await jobs(harness.follow(keep_alive_s=SHORT_S), 3) == [None] * 3


async def test_each_notification_comes_once_while_jobs_end_concurrently(harness: Harness) -> None:
    names = [f"job-{at}" for at in range(300)]
    ending = asyncio.ensure_future(harness.end(*names))

    assert await jobs(harness.follow(), 300) == names
    await ending


async def test_no_notification_is_lost_in_an_outage(harness: Harness) -> None:
    await harness.end("a")
    harness.store.is_unavailable = True
    following = harness.follow(keep_alive_s=SHORT_S)
    during = await jobs(following, 2)
    harness.store.is_unavailable = False

    assert (during, await jobs(following, 3)) == ([None, None], ["a", None, None])


async def test_an_erased_jobs_notification_is_left_out(harness: Harness) -> None:
    await harness.end("a", "b")
    await harness.store.erase("a")

    assert await jobs(harness.follow(keep_alive_s=SHORT_S), 2) == ["b", None]


async def test_other_owners_notifications_are_left_out(harness: Harness) -> None:
    await harness.end("a", owner="eve")

    assert await jobs(harness.follow(keep_alive_s=SHORT_S), 1) == [None]


async def test_following_ends_when_the_hub_closes_and_leaves_no_watch(harness: Harness) -> None:
    waiting = asyncio.ensure_future(jobs(harness.follow(), 1))
    await asyncio.sleep(0)

    harness.hub.close()

    with pytest.raises(StopAsyncIteration):
        await waiting
    assert harness.hub.watches == set()


async def test_a_follower_that_stops_leaves_no_watch(harness: Harness) -> None:
    await harness.end("a")
    async with aclosing(harness.follow()) as following:
        await jobs(following, 1)

    assert harness.hub.watches == set()


async def test_pages_and_acknowledgements_come_from_the_store(harness: Harness) -> None:
    await harness.end("a", "b")
    first, second = harness.stored()

    answer = await harness.notifications.acknowledge(OWNER, [first.id])
    page = await harness.notifications.page(OWNER, 0, 1)

    assert (answer.acknowledged, answer.unread) == (1, 1)
    assert (page.notifications, page.unread, page.next) == ((replace(first, acked=True),), 1, first.id)
    assert (await harness.notifications.page(OWNER, 0, 1, unacked=True)).notifications == (second,)
