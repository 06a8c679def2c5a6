import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aether.domain.job import ENDED, LIVE, Change, Kind, Status
from aether.domain.notification import MAX_NOTIFICATION_ID, Acknowledgement, InboxPage
from aether.services.inbox import InboxStore
from tests.contract.inbox_harness import (
    OWNER,
    InboxHarness,
    all_notifications,
    end_job,
    end_job_again,
    ids,
    job_ids,
    redis_inbox_harness,
)
from tests.contract.job_store_harness import JobStoreHarness, RedisJobStoreHarness, begin_job, job_with_status
from tests.fakes import MemoryInbox, MemoryJobStore

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

NOBODY = "nobody"


@pytest.fixture
def inbox_harness(harness: JobStoreHarness) -> InboxHarness:
    """Each inbox, for promises that every inbox makes."""
    if isinstance(harness, RedisJobStoreHarness):
        return redis_inbox_harness(harness.client)
    assert isinstance(harness.store, MemoryJobStore)
    return InboxHarness(harness.store, MemoryInbox(harness.store))


async def pages_of(inbox: InboxStore, limit: int, *, unacked: bool = False) -> AsyncIterator[InboxPage]:
    page = await inbox.page(OWNER, 0, limit, unacked=unacked)
    yield page
    while page.next is not None:
        page = await inbox.page(OWNER, page.next, limit, unacked=unacked)
        yield page


async def test_an_owner_without_ended_jobs_has_an_empty_inbox(inbox_harness: InboxHarness) -> None:
    assert InboxPage() == await inbox_harness.inbox.page(NOBODY, 0, 10)


@pytest.mark.parametrize("kind", [*Kind, Kind("podcast")])
@pytest.mark.parametrize("status", sorted(ENDED))
async def test_each_end_of_a_job_makes_a_notification(inbox_harness: InboxHarness, status: Status, kind: Kind) -> None:
    job = await end_job(inbox_harness.store, "4f9c", status, kind=kind)

    (entry,) = await all_notifications(inbox_harness.inbox)

    assert (job.kind, job.id, job.status, job.version) == (entry.kind, entry.job_id, entry.status, entry.version)
    assert (job.updated_at, False) == (entry.at, entry.acked)
    assert 0 < entry.id <= MAX_NOTIFICATION_ID


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
async def test_a_repeated_commit_makes_one_notification(inbox_harness: InboxHarness, status: Status) -> None:
    """A worker repeats a commit when the answer was lost."""
    job = await begin_job(inbox_harness.store)

    for _ in range(2):
        await inbox_harness.store.commit(job.id, job.epoch, job.version, Change(status=status, total=1))

    (entry,) = await all_notifications(inbox_harness.inbox)
    assert (status, job.version + 2) == (entry.status, entry.version)


@pytest.mark.parametrize("status", sorted(LIVE))
async def test_a_job_that_has_not_ended_makes_no_notification(inbox_harness: InboxHarness, status: Status) -> None:
    await job_with_status(inbox_harness.store, status)

    assert await all_notifications(inbox_harness.inbox) == ()


async def test_a_retried_job_makes_another_notification(inbox_harness: InboxHarness) -> None:
    await end_job(inbox_harness.store, "4f9c")
    (first,) = await all_notifications(inbox_harness.inbox)

    await end_job_again(inbox_harness.store, "4f9c", Status.COMPLETED)

    _, second = entries = await all_notifications(inbox_harness.inbox)
    assert (first, Status.COMPLETED) == (entries[0], second.status)
    assert first.id < second.id
    assert first.version < second.version


async def test_reading_the_inbox_does_not_change_it(inbox_harness: InboxHarness) -> None:
    await end_job(inbox_harness.store, "4f9c")

    assert await all_notifications(inbox_harness.inbox) == await all_notifications(inbox_harness.inbox)


async def test_notifications_are_in_the_order_of_the_ends(inbox_harness: InboxHarness) -> None:
    for name in "bdace":
        await end_job(inbox_harness.store, name)

    entries = await all_notifications(inbox_harness.inbox)

    assert [entry.job_id for entry in entries] == ["b", "d", "a", "c", "e"]
    assert sorted({entry.id for entry in entries}) == [entry.id for entry in entries]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
async def test_pages_are_full_and_the_last_one_says_so(inbox_harness: InboxHarness, limit: int) -> None:
    for name in "abcdefg":
        await end_job(inbox_harness.store, name)

    pages = [page async for page in pages_of(inbox_harness.inbox, limit)]

    assert list("abcdefg") == job_ids(*pages)
    assert [min(limit, 7 - first) for first in range(0, 7, limit)] == [len(page.notifications) for page in pages]
    assert {7} == {page.unread for page in pages}


async def test_a_page_after_the_newest_notification_is_empty(inbox_harness: InboxHarness) -> None:
    await end_job(inbox_harness.store, "4f9c")
    (entry,) = await all_notifications(inbox_harness.inbox)

    for after in (entry.id, MAX_NOTIFICATION_ID):
        assert InboxPage(unread=1) == await inbox_harness.inbox.page(OWNER, after, 10)


async def test_an_acknowledged_notification_stays_but_is_not_unread(inbox_harness: InboxHarness) -> None:
    for name in "abc":
        await end_job(inbox_harness.store, name)
    entries = await all_notifications(inbox_harness.inbox)

    answer = await inbox_harness.inbox.acknowledge(OWNER, [entries[1].id])

    assert Acknowledgement(1, 2) == answer
    assert (entries[0], replace(entries[1], acked=True), entries[2]) == await all_notifications(inbox_harness.inbox)
    assert (entries[0], entries[2]) == await all_notifications(inbox_harness.inbox, unacked=True)


async def test_acknowledging_again_changes_nothing(inbox_harness: InboxHarness) -> None:
    for name in "ab":
        await end_job(inbox_harness.store, name)
    every = [entry.id for entry in await all_notifications(inbox_harness.inbox)]

    answers = [await inbox_harness.inbox.acknowledge(OWNER, wanted) for wanted in (every[:1], every, every, every * 2)]

    assert [Acknowledgement(1, 1), Acknowledgement(1, 0), Acknowledgement(0, 0), Acknowledgement(0, 0)] == answers


async def test_acknowledging_unknown_ids_changes_nothing(inbox_harness: InboxHarness) -> None:
    await end_job(inbox_harness.store, "4f9c")
    (entry,) = await all_notifications(inbox_harness.inbox)

    answer = await inbox_harness.inbox.acknowledge(OWNER, [0, 1, entry.id - 1, entry.id + 1, MAX_NOTIFICATION_ID])

    assert (Acknowledgement(0, 1), (entry,)) == (answer, await all_notifications(inbox_harness.inbox, unacked=True))


async def test_owners_neither_see_nor_acknowledge_each_others_notifications(inbox_harness: InboxHarness) -> None:
    owners = ["a", "a:b", "b", "", ":", "A", "a*", "ä\n\0", "a" * 3_000]
    for owner in owners:
        await end_job(inbox_harness.store, f"job of {owner}", owner=owner)
    every = [entry.id for owner in owners for entry in await all_notifications(inbox_harness.inbox, owner)]

    answer = await inbox_harness.inbox.acknowledge("a", every)

    assert (Acknowledgement(1, 0), len(owners)) == (answer, len(every))
    for owner in owners:
        (entry,) = await all_notifications(inbox_harness.inbox, owner)
        assert (f"job of {owner}", owner == "a") == (entry.job_id, entry.acked)


async def test_unread_pages_continue_while_they_are_acknowledged(inbox_harness: InboxHarness) -> None:
    """A client may acknowledge each page before it requests the next."""
    for name in "abcdefg":
        await end_job(inbox_harness.store, name)
    seen = []

    async for page in pages_of(inbox_harness.inbox, 2, unacked=True):
        seen += job_ids(page)
        await inbox_harness.inbox.acknowledge(OWNER, ids(page))

    assert (list("abcdefg"), InboxPage()) == (seen, await inbox_harness.inbox.page(OWNER, 0, 10, unacked=True))


async def test_a_job_that_ends_between_pages_is_on_a_later_page(inbox_harness: InboxHarness) -> None:
    for name in "abc":
        await end_job(inbox_harness.store, name)
    page = await inbox_harness.inbox.page(OWNER, 0, 2)
    await end_job(inbox_harness.store, "d")

    assert page.next
    assert job_ids(await inbox_harness.inbox.page(OWNER, page.next, 10)) == ["c", "d"]


async def test_concurrent_ends_all_make_notifications(inbox_harness: InboxHarness) -> None:
    names = [f"job-{at}" for at in range(100)]

    await asyncio.gather(*(end_job(inbox_harness.store, name) for name in names))

    entries = await all_notifications(inbox_harness.inbox)
    assert sorted(names) == sorted(entry.job_id for entry in entries)
    assert len({entry.id for entry in entries}) == len(names)


async def test_erasing_a_job_removes_its_notifications(inbox_harness: InboxHarness) -> None:
    await end_job(inbox_harness.store, "kept")
    await end_job(inbox_harness.store, "4f9c")
    await end_job_again(inbox_harness.store, "4f9c", Status.CANCELLED)
    first, *_ = await all_notifications(inbox_harness.inbox)
    await inbox_harness.inbox.acknowledge(
        OWNER, [entry.id for entry in await all_notifications(inbox_harness.inbox)][1:2]
    )

    await inbox_harness.store.erase("4f9c")

    assert InboxPage((first,), 1) == await inbox_harness.inbox.page(OWNER, 0, 10)


async def test_a_notification_outlives_the_record(inbox_harness: InboxHarness, harness: JobStoreHarness) -> None:
    await end_job(inbox_harness.store, "4f9c")
    before = await all_notifications(inbox_harness.inbox)

    await harness.expire("4f9c")

    assert before == await all_notifications(inbox_harness.inbox)


ACTIONS = ("end", "again", "erase", "ack", "page")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 9)), max_size=30), limit=st.integers(1, 4))
async def test_a_client_that_pages_and_acknowledges_sees_every_end(
    harness: JobStoreHarness, plan: list[tuple[str, int]], limit: int
) -> None:
    if isinstance(harness, RedisJobStoreHarness):
        await harness.client.flushall()
        inbox_harness = redis_inbox_harness(harness.client)
    else:
        store = MemoryJobStore()
        inbox_harness = InboxHarness(store, MemoryInbox(store))
    expected: dict[str, int] = {}
    seen: dict[int, str] = {}
    after = 0
    for action, at in plan:
        name = f"job-{at}"
        if action == "end" and name not in expected:
            await end_job(inbox_harness.store, name)
            expected[name] = 1
        elif action == "again" and name in expected:
            await end_job_again(inbox_harness.store, name, Status.FAILED)
            expected[name] += 1
        elif action == "erase" and name in expected:
            await inbox_harness.store.erase(name)
            seen = {number: job for number, job in seen.items() if job != name}
            del expected[name]
        elif action == "ack":
            await inbox_harness.inbox.acknowledge(OWNER, list(seen)[:at])
        elif action == "page":
            page = await inbox_harness.inbox.page(OWNER, after, limit)
            seen |= {entry.id: entry.job_id for entry in page.notifications}
            after = max([after, *seen])
    async for page in pages_of(inbox_harness.inbox, limit):
        seen |= {entry.id: entry.job_id for entry in page.notifications}

    unread = [entry.id for entry in await all_notifications(inbox_harness.inbox) if not entry.acked]
    assert expected == {name: list(seen.values()).count(name) for name in expected}
    assert {*expected} == {*seen.values()}
    assert unread == [entry.id for entry in await all_notifications(inbox_harness.inbox, unacked=True)]
    assert len(unread) == (await inbox_harness.inbox.page(OWNER, 0, 1)).unread
