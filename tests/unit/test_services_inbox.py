"""Following an inbox: what is not acknowledged first, then what comes."""

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

OWNER = "ada"
LONG_S = 30.0
SHORT_S = 0.01


class Mailroom:
    """An inbox in memory, and whoever puts something into it."""

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

    def told(self) -> list[Notification]:
        return self.store.inboxes[OWNER]

    def follow(self, after: int = 0, pulse: float = LONG_S) -> AsyncGenerator[Notification | None, None]:
        return self.notifications.follow(OWNER, after, pulse)


@pytest.fixture
def mailroom() -> Mailroom:
    return Mailroom()


async def jobs(following: AsyncIterator[Notification | None], number: int) -> list[str | None]:
    """Of which jobs the next ones tell, None for a pulse."""
    news = [await anext(following) for _ in range(number)]
    return [each.job_id if each else None for each in news]


async def test_what_came_before_comes_first_in_its_order_and_then_what_comes(mailroom: Mailroom) -> None:
    await mailroom.end("b", "a")
    following = mailroom.follow()
    before = await jobs(following, 2)
    waiting = asyncio.ensure_future(jobs(following, 1))
    await asyncio.sleep(0)

    await mailroom.end("c")

    assert (before, await waiting) == (["b", "a"], ["c"])


async def test_what_is_acknowledged_is_not_told_again(mailroom: Mailroom) -> None:
    await mailroom.end("a", "b", "c")
    await mailroom.inbox.acknowledge(OWNER, [mailroom.told()[1].id])

    assert await jobs(mailroom.follow(), 2) == ["a", "c"]


async def test_what_is_not_acknowledged_is_told_to_each_who_comes_without_a_cursor(mailroom: Mailroom) -> None:
    await mailroom.end("a", "b")

    assert [await jobs(mailroom.follow(), 2) for _ in range(2)] == [["a", "b"]] * 2


async def test_with_a_cursor_only_what_followed_it_is_told(mailroom: Mailroom) -> None:
    await mailroom.end("a", "b", "c")

    assert await jobs(mailroom.follow(mailroom.told()[0].id), 2) == ["b", "c"]


async def test_with_a_cursor_that_is_ahead_of_the_inbox_nothing_old_is_told(mailroom: Mailroom) -> None:
    await mailroom.end("a")
    following = mailroom.follow(mailroom.told()[0].id + 5, SHORT_S)

    assert await jobs(following, 1) == [None]


async def test_what_comes_is_told_although_the_cursor_is_ahead_of_it(mailroom: Mailroom) -> None:
    """As behind a failover to a server that has lost the latest, or whose clock is behind."""
    await mailroom.end("a")
    following = mailroom.follow(mailroom.told()[0].id + 3_600_000_000, SHORT_S)
    before = await jobs(following, 1)

    await mailroom.end("b")

    assert (before, await jobs(following, 1)) == ([None], ["b"])


async def test_more_than_a_page_is_told_whole(mailroom: Mailroom) -> None:
    names = [f"job-{at}" for at in range(250)]
    await mailroom.end(*names)

    assert await jobs(mailroom.follow(), 250) == names


async def test_a_quiet_inbox_has_a_pulse(mailroom: Mailroom) -> None:
    assert await jobs(mailroom.follow(pulse=SHORT_S), 3) == [None] * 3


async def test_each_end_of_a_job_is_told_once_however_the_reading_and_the_ending_mix(mailroom: Mailroom) -> None:
    names = [f"job-{at}" for at in range(300)]
    ending = asyncio.ensure_future(mailroom.end(*names))

    assert await jobs(mailroom.follow(), 300) == names
    await ending


async def test_nothing_is_lost_to_an_outage(mailroom: Mailroom) -> None:
    await mailroom.end("a")
    mailroom.store.away = True
    following = mailroom.follow(pulse=SHORT_S)
    meanwhile = await jobs(following, 2)
    mailroom.store.away = False

    assert (meanwhile, await jobs(following, 3)) == ([None, None], ["a", None, None])


async def test_what_is_erased_before_it_is_told_is_not_told(mailroom: Mailroom) -> None:
    await mailroom.end("a", "b")
    await mailroom.store.erase("a")

    assert await jobs(mailroom.follow(pulse=SHORT_S), 2) == ["b", None]


async def test_other_owners_are_not_told(mailroom: Mailroom) -> None:
    await mailroom.end("a", owner="eve")

    assert await jobs(mailroom.follow(pulse=SHORT_S), 1) == [None]


async def test_following_ends_when_the_hub_closes_and_leaves_no_watch(mailroom: Mailroom) -> None:
    waiting = asyncio.ensure_future(jobs(mailroom.follow(), 1))
    await asyncio.sleep(0)

    mailroom.hub.close()

    with pytest.raises(StopAsyncIteration):
        await waiting
    assert mailroom.hub.watches == set()


async def test_a_follower_who_leaves_is_no_longer_watched_for(mailroom: Mailroom) -> None:
    await mailroom.end("a")
    async with aclosing(mailroom.follow()) as following:
        await jobs(following, 1)

    assert mailroom.hub.watches == set()


async def test_a_page_and_acknowledging_are_those_of_the_inbox(mailroom: Mailroom) -> None:
    await mailroom.end("a", "b")
    first, second = mailroom.told()

    answer = await mailroom.notifications.acknowledge(OWNER, [first.id])
    page = await mailroom.notifications.page(OWNER, 0, 1)

    assert (answer.acknowledged, answer.unread) == (1, 1)
    assert (page.notifications, page.unread, page.next) == ((replace(first, acked=True),), 1, first.id)
    assert (await mailroom.notifications.page(OWNER, 0, 1, unacked=True)).notifications == (second,)
