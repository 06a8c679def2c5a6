import asyncio
from collections.abc import AsyncIterator
from itertools import product
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aether.domain.job import LIVE, RETRYABLE, Change, Job, Kind, Status, Step, StepStatus
from aether.domain.listing import JobPage
from aether.durable.ports import JobStore, NewJob
from aether.errors import IllegalMoveError, UnknownJobError
from tests.contract.job_store_harness import NEW_JOB, JobStoreHarness, begin_job, job_with_status, load_job

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

EVERY = frozenset(Status)
CANCELLED, PENDING = Change(status=Status.CANCELLED), Change(status=Status.PENDING)
DONE = Step("outline", status=StepStatus.DONE, result=msgspec.Raw(b'["I","II"]'))
SEVEN = ("a", "b", "c", "d", "e", "f", "g")


def named(job_id: str, owner: str = NEW_JOB.owner) -> NewJob:
    return replace(NEW_JOB, id=job_id, owner=owner)


async def created(store: JobStore, *job_ids: str) -> None:
    for job_id in job_ids:
        await store.create(named(job_id))


def age(job: Job) -> tuple[str, str]:
    """Redis tells time in milliseconds."""
    return job.created_at.isoformat(timespec="milliseconds"), job.id


async def newest_first(store: JobStore, *job_ids: str) -> list[str]:
    jobs = [await load_job(store, job_id) for job_id in job_ids]
    return [job.id for job in sorted(jobs, key=age, reverse=True)]


async def page_of(
    store: JobStore, limit: int = 100, before: str | None = None, statuses: frozenset[Status] = EVERY
) -> JobPage:
    return await store.list(NEW_JOB.owner, NEW_JOB.kind, statuses, limit, before)


async def pages_of(
    store: JobStore, limit: int, statuses: frozenset[Status] = EVERY, owner: str = NEW_JOB.owner
) -> AsyncIterator[JobPage]:
    page = await store.list(owner, NEW_JOB.kind, statuses, limit)
    yield page
    while page.next is not None:
        page = await store.list(owner, NEW_JOB.kind, statuses, limit, page.next)
        yield page


def ids(*pages: JobPage) -> list[str]:
    return [entry.id for page in pages for entry in page.jobs]


async def test_an_owner_without_jobs_has_an_empty_list(harness: JobStoreHarness) -> None:
    assert JobPage(()) == await page_of(harness.store)


async def test_the_newest_job_comes_first(harness: JobStoreHarness) -> None:
    await created(harness.store, *"bdace")

    assert await newest_first(harness.store, *"abcde") == ids(await page_of(harness.store))


async def test_jobs_of_one_millisecond_are_ordered_by_id(harness: JobStoreHarness) -> None:
    names = [f"{sign}{at * 7 % 20:02}" for at in range(20) for sign in ("a-", "A", "aé", "_")]
    await asyncio.gather(*(harness.store.create(named(name)) for name in names))
    for name in names[::3]:
        await harness.store.begin(name)

    pages = [page async for page in pages_of(harness.store, 3)]

    assert await newest_first(harness.store, *names) == ids(*pages)


@pytest.mark.parametrize("status", list(Status))
async def test_a_summary_agrees_with_the_record(harness: JobStoreHarness, status: Status) -> None:
    job = await job_with_status(harness.store, status)

    (entry,) = (await page_of(harness.store)).jobs

    told = msgspec.structs.asdict(entry)
    assert {name: getattr(job, name) for name in told} == told


async def test_the_progress_in_a_list_is_that_of_the_job(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    sections = [replace(DONE, name=f"section:{at}", order=at + 1) for at in range(2)]
    changes = [
        Change(total=3, steps=(replace(DONE, status=StepStatus.RUNNING),)),
        Change(steps=(DONE,)),
        Change(steps=(replace(sections[0], status=StepStatus.FAILED),)),
        Change(steps=tuple(sections)),
        Change(status=Status.FAILED),
    ]
    version, told = job.version, []

    for change in changes:
        version, _ = await harness.store.commit(job.id, job.epoch, version, change)
        (entry,) = (await page_of(harness.store)).jobs
        told.append((entry.progress, (await load_job(harness.store)).progress))

    assert [(part, part) for part in (0.0, 1 / 3, 1 / 3, 0.99, 0.99)] == told


async def test_a_retried_job_keeps_its_place_and_its_progress(harness: JobStoreHarness) -> None:
    await created(harness.store, "before")
    job = await begin_job(harness.store)
    await harness.store.commit(job.id, job.epoch, job.version, Change(Status.FAILED, 2, (DONE,)))
    await created(harness.store, "after")
    failed = await page_of(harness.store)

    await harness.store.move(job.id, PENDING)

    retried = await page_of(harness.store)
    assert ids(failed) == ids(retried)
    assert [(entry.status, entry.progress) for entry in retried.jobs if entry.id == job.id] == [(Status.PENDING, 0.5)]


@pytest.mark.parametrize("statuses", [*({status} for status in Status), RETRYABLE, EVERY, frozenset[Status]()])
async def test_only_jobs_of_the_wanted_statuses_are_listed(
    harness: JobStoreHarness, statuses: frozenset[Status]
) -> None:
    for status in Status:
        await job_with_status(harness.store, status, named(status))

    page = await page_of(harness.store, statuses=frozenset(statuses))

    assert {status: status for status in statuses} == {entry.id: entry.status for entry in page.jobs}


async def test_owners_and_kinds_have_lists_of_their_own(harness: JobStoreHarness) -> None:
    owners = ["a", "a:b", "b", "", ":", "report:pending:a", "A", "a*", "ä\n\0", "a" * 3_000]
    for owner, kind in product(owners, Kind):
        await harness.store.create(NewJob(f"{kind} of {owner}", kind, owner, b"{}"))

    for owner, kind in product(owners, Kind):
        page = await harness.store.list(owner, kind, EVERY, 100)
        assert [(f"{kind} of {owner}", kind)] == [(entry.id, entry.kind) for entry in page.jobs]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 1_000])
async def test_pages_are_full_and_the_last_one_says_so(harness: JobStoreHarness, limit: int) -> None:
    await created(harness.store, *SEVEN)

    pages = [page async for page in pages_of(harness.store, limit)]

    assert await newest_first(harness.store, *SEVEN) == ids(*pages)
    assert [min(limit, 7 - first) for first in range(0, 7, limit)] == [len(page.jobs) for page in pages]


async def test_a_long_list_of_several_statuses_is_in_order(harness: JobStoreHarness) -> None:
    """Longer than one read of an index, with statuses both in groups and mixed."""
    names = [f"job-{at}" for at in range(150)]
    await created(harness.store, *names)
    for at, name in enumerate(names):
        if at < 60 or at % 3 == 0:
            await harness.store.begin(name)
        if at % 7 == 0:
            await harness.store.move(name, CANCELLED)

    pages = [page async for page in pages_of(harness.store, 100)]

    assert await newest_first(harness.store, *names) == ids(*pages)


async def test_new_jobs_do_not_shift_pages(harness: JobStoreHarness) -> None:
    await created(harness.store, *SEVEN)
    expected = await newest_first(harness.store, *SEVEN)
    seen = []

    async for page in pages_of(harness.store, 2):
        seen += ids(page)
        # The id is greater than the others, for it may be of the same millisecond.
        await created(harness.store, f"later-{len(seen)}")

    assert expected == seen


async def test_jobs_whose_status_changes_are_listed_once(harness: JobStoreHarness) -> None:
    await created(harness.store, *SEVEN)
    expected = await newest_first(harness.store, *SEVEN)
    seen = []

    async for page in pages_of(harness.store, 2):
        seen += ids(page)
        for name in SEVEN:
            await change_status(harness.store, name)

    assert expected == seen


async def change_status(store: JobStore, job_id: str) -> None:
    """Move the job to its next status."""
    if (await load_job(store, job_id)).status is Status.PENDING:
        await store.begin(job_id)
    elif (await load_job(store, job_id)).status is Status.PROCESSING:
        await store.move(job_id, CANCELLED)
    else:
        await store.move(job_id, PENDING)


async def test_a_job_that_leaves_the_status_between_pages_leaves_no_gap(harness: JobStoreHarness) -> None:
    await created(harness.store, *SEVEN)
    first, second, third, *rest = await newest_first(harness.store, *SEVEN)
    page = await page_of(harness.store, 2, statuses=frozenset({Status.PENDING}))

    for job_id in (second, third):
        await harness.store.begin(job_id)

    following = await page_of(harness.store, 2, page.next, frozenset({Status.PENDING}))
    assert ([first, second], rest[:2]) == (ids(page), ids(following))


@pytest.mark.parametrize("way", ["erased", "expired"])
async def test_a_job_that_is_gone_leaves_no_gap(harness: JobStoreHarness, way: str) -> None:
    await created(harness.store, *SEVEN)
    await harness.store.begin("c")
    names = await newest_first(harness.store, *SEVEN)
    page = await page_of(harness.store, 2)

    for job_id in names[1:4]:
        await (harness.store.erase(job_id) if way == "erased" else harness.expire(job_id))

    following = await page_of(harness.store, 3, page.next)
    assert (names[4:], None) == (ids(following), following.next)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
async def test_an_id_that_is_used_again_is_listed_once(harness: JobStoreHarness, status: Status) -> None:
    before = again = await job_with_status(harness.store, status)

    while age(before) == age(again):
        await harness.expire(NEW_JOB.id)
        await harness.store.create(NEW_JOB)
        again = await load_job(harness.store)

    (entry,) = (await page_of(harness.store)).jobs
    assert (NEW_JOB.id, Status.PENDING) == (entry.id, entry.status)


ACTIONS = ("create", "begin", "complete", "cancel", "retry", "erase", "expire", "page")


async def apply_action(harness: JobStoreHarness, action: str, job_id: str) -> None:
    """Apply the action if the job exists and its status allows it."""
    moves = {"complete": Change(status=Status.COMPLETED), "cancel": CANCELLED, "retry": PENDING}
    try:
        if action in moves:
            await harness.store.move(job_id, moves[action])
        elif action == "begin":
            await harness.store.begin(job_id)
        elif action == "erase":
            await harness.store.erase(job_id)
        elif await harness.store.load(job_id):
            await harness.expire(job_id)
    except (IllegalMoveError, UnknownJobError):
        pass


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 12),
    limit=st.integers(1, 5),
    statuses=st.sampled_from([EVERY, LIVE, RETRYABLE]),
    plan=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 15)), max_size=30),
)
async def test_pages_are_complete_and_ordered_whatever_happens_between_them(
    harness: JobStoreHarness, first: int, limit: int, statuses: frozenset[Status], plan: list[tuple[str, int]]
) -> None:
    owner, names = str(uuid4()), [str(uuid4()) for _ in range(first)]
    for name in names:
        await harness.store.create(named(name, owner))
    always = {name for name in names if (await load_job(harness.store, name)).status in statuses}
    steps, pages = iter(plan), []

    async for page in pages_of(harness.store, limit, statuses, owner):
        pages.append(page)
        for action, which in steps:
            if action == "page":
                break
            if action == "create":
                names.append(str(uuid4()))
                await harness.store.create(named(names[-1], owner))
            elif names:
                await apply_action(harness, action, names[which % len(names)])
            always = {name for name in always if await has_one_of(harness.store, name, statuses)}

    listed = ids(*pages)
    assert len(set(listed)) == len(listed)
    assert always <= set(listed)
    assert [limit] * (len(pages) - 1) == [len(page.jobs) for page in pages[:-1]]
    assert sorted((entry.sort_key for page in pages for entry in page.jobs), reverse=True) == [
        entry.sort_key for page in pages for entry in page.jobs
    ]


async def has_one_of(store: JobStore, job_id: str, statuses: frozenset[Status]) -> bool:
    job = await store.load(job_id)
    return job is not None and job.status in statuses
