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
from tests.contract.benches import NEW, Bench, begun, brought_to, loaded

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

EVERY = frozenset(Status)
CANCELLED, PENDING = Change(status=Status.CANCELLED), Change(status=Status.PENDING)
DONE = Step("outline", status=StepStatus.DONE, result=msgspec.Raw(b'["I","II"]'))
SEVEN = ("a", "b", "c", "d", "e", "f", "g")


def named(job_id: str, owner: str = NEW.owner) -> NewJob:
    return replace(NEW, id=job_id, owner=owner)


async def created(store: JobStore, *job_ids: str) -> None:
    for job_id in job_ids:
        await store.create(named(job_id))


def age(job: Job) -> tuple[str, str]:
    """Redis tells time in milliseconds."""
    return job.created_at.isoformat(timespec="milliseconds"), job.id


async def newest_first(store: JobStore, *job_ids: str) -> list[str]:
    jobs = [await loaded(store, job_id) for job_id in job_ids]
    return [job.id for job in sorted(jobs, key=age, reverse=True)]


async def page_of(
    store: JobStore, limit: int = 100, before: str | None = None, statuses: frozenset[Status] = EVERY
) -> JobPage:
    return await store.list(NEW.owner, NEW.kind, statuses, limit, before)


async def pages_of(
    store: JobStore, limit: int, statuses: frozenset[Status] = EVERY, owner: str = NEW.owner
) -> AsyncIterator[JobPage]:
    page = await store.list(owner, NEW.kind, statuses, limit)
    yield page
    while page.next is not None:
        page = await store.list(owner, NEW.kind, statuses, limit, page.next)
        yield page


def ids(*pages: JobPage) -> list[str]:
    return [entry.id for page in pages for entry in page.jobs]


async def test_an_owner_without_jobs_has_an_empty_list(bench: Bench) -> None:
    assert JobPage(()) == await page_of(bench.store)


async def test_the_newest_job_comes_first(bench: Bench) -> None:
    await created(bench.store, *"bdace")

    assert await newest_first(bench.store, *"abcde") == ids(await page_of(bench.store))


async def test_of_jobs_of_one_millisecond_the_one_with_the_greater_id_comes_first(bench: Bench) -> None:
    names = [f"{sign}{at * 7 % 20:02}" for at in range(20) for sign in ("a-", "A", "aé", "_")]
    await asyncio.gather(*(bench.store.create(named(name)) for name in names))
    for name in names[::3]:
        await bench.store.begin(name)

    pages = [page async for page in pages_of(bench.store, 3)]

    assert await newest_first(bench.store, *names) == ids(*pages)


@pytest.mark.parametrize("status", list(Status))
async def test_an_entry_tells_what_the_record_says(bench: Bench, status: Status) -> None:
    job = await brought_to(bench.store, status)

    (entry,) = (await page_of(bench.store)).jobs

    told = msgspec.structs.asdict(entry)
    assert {name: getattr(job, name) for name in told} == told


async def test_the_progress_in_a_list_is_that_of_the_job(bench: Bench) -> None:
    job = await begun(bench.store)
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
        version, _ = await bench.store.commit(job.id, job.epoch, version, change)
        (entry,) = (await page_of(bench.store)).jobs
        told.append((entry.progress, (await loaded(bench.store)).progress))

    assert [(part, part) for part in (0.0, 1 / 3, 1 / 3, 0.99, 0.99)] == told


async def test_a_retried_job_keeps_its_place_and_its_progress(bench: Bench) -> None:
    await created(bench.store, "before")
    job = await begun(bench.store)
    await bench.store.commit(job.id, job.epoch, job.version, Change(Status.FAILED, 2, (DONE,)))
    await created(bench.store, "after")
    failed = await page_of(bench.store)

    await bench.store.move(job.id, PENDING)

    retried = await page_of(bench.store)
    assert ids(failed) == ids(retried)
    assert [(entry.status, entry.progress) for entry in retried.jobs if entry.id == job.id] == [(Status.PENDING, 0.5)]


@pytest.mark.parametrize("statuses", [*({status} for status in Status), RETRYABLE, EVERY, frozenset[Status]()])
async def test_only_jobs_of_the_wanted_statuses_are_listed(bench: Bench, statuses: frozenset[Status]) -> None:
    for status in Status:
        await brought_to(bench.store, status, named(status))

    page = await page_of(bench.store, statuses=frozenset(statuses))

    assert {status: status for status in statuses} == {entry.id: entry.status for entry in page.jobs}


async def test_owners_and_kinds_are_kept_apart(bench: Bench) -> None:
    owners = ["a", "a:b", "b", "", ":", "report:pending:a", "A", "a*", "ä\n\0", "a" * 3_000]
    for owner, kind in product(owners, Kind):
        await bench.store.create(NewJob(f"{kind} of {owner}", kind, owner, b"{}"))

    for owner, kind in product(owners, Kind):
        page = await bench.store.list(owner, kind, EVERY, 100)
        assert [(f"{kind} of {owner}", kind)] == [(entry.id, entry.kind) for entry in page.jobs]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 1_000])
async def test_pages_are_full_and_the_last_one_says_so(bench: Bench, limit: int) -> None:
    await created(bench.store, *SEVEN)

    pages = [page async for page in pages_of(bench.store, limit)]

    assert await newest_first(bench.store, *SEVEN) == ids(*pages)
    assert [min(limit, 7 - first) for first in range(0, 7, limit)] == [len(page.jobs) for page in pages]


async def test_a_long_list_of_several_statuses_is_in_order(bench: Bench) -> None:
    """Longer than what is read of an index at once, with statuses in runs and mixed."""
    names = [f"job-{at}" for at in range(150)]
    await created(bench.store, *names)
    for at, name in enumerate(names):
        if at < 60 or at % 3 == 0:
            await bench.store.begin(name)
        if at % 7 == 0:
            await bench.store.move(name, CANCELLED)

    pages = [page async for page in pages_of(bench.store, 100)]

    assert await newest_first(bench.store, *names) == ids(*pages)


async def test_jobs_that_are_added_shift_nothing(bench: Bench) -> None:
    await created(bench.store, *SEVEN)
    expected = await newest_first(bench.store, *SEVEN)
    seen = []

    async for page in pages_of(bench.store, 2):
        seen += ids(page)
        # The id is greater than the others, for it may be of the same millisecond.
        await created(bench.store, f"later-{len(seen)}")

    assert expected == seen


async def test_jobs_whose_status_changes_are_listed_once(bench: Bench) -> None:
    await created(bench.store, *SEVEN)
    expected = await newest_first(bench.store, *SEVEN)
    seen = []

    async for page in pages_of(bench.store, 2):
        seen += ids(page)
        for name in SEVEN:
            await turned(bench.store, name)

    assert expected == seen


async def turned(store: JobStore, job_id: str) -> None:
    """To the next status that it has not had lately."""
    if (await loaded(store, job_id)).status is Status.PENDING:
        await store.begin(job_id)
    elif (await loaded(store, job_id)).status is Status.PROCESSING:
        await store.move(job_id, CANCELLED)
    else:
        await store.move(job_id, PENDING)


async def test_a_job_that_leaves_a_status_before_its_turn_leaves_no_gap(bench: Bench) -> None:
    await created(bench.store, *SEVEN)
    first, second, third, *rest = await newest_first(bench.store, *SEVEN)
    page = await page_of(bench.store, 2, statuses=frozenset({Status.PENDING}))

    for job_id in (second, third):
        await bench.store.begin(job_id)

    following = await page_of(bench.store, 2, page.next, frozenset({Status.PENDING}))
    assert ([first, second], rest[:2]) == (ids(page), ids(following))


@pytest.mark.parametrize("way", ["erased", "expired"])
async def test_a_job_that_is_gone_leaves_no_gap(bench: Bench, way: str) -> None:
    await created(bench.store, *SEVEN)
    await bench.store.begin("c")
    names = await newest_first(bench.store, *SEVEN)
    page = await page_of(bench.store, 2)

    for job_id in names[1:4]:
        await (bench.store.erase(job_id) if way == "erased" else bench.expire(job_id))

    following = await page_of(bench.store, 3, page.next)
    assert (names[4:], None) == (ids(following), following.next)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
async def test_an_id_that_is_given_again_is_listed_once(bench: Bench, status: Status) -> None:
    before = again = await brought_to(bench.store, status)

    while age(before) == age(again):
        await bench.expire(NEW.id)
        await bench.store.create(NEW)
        again = await loaded(bench.store)

    (entry,) = (await page_of(bench.store)).jobs
    assert (NEW.id, Status.PENDING) == (entry.id, entry.status)


ACTIONS = ("create", "begin", "complete", "cancel", "retry", "erase", "expire", "page")


async def done(bench: Bench, action: str, job_id: str) -> None:
    """Do it if the job is there and its status allows it."""
    moves = {"complete": Change(status=Status.COMPLETED), "cancel": CANCELLED, "retry": PENDING}
    try:
        if action in moves:
            await bench.store.move(job_id, moves[action])
        elif action == "begin":
            await bench.store.begin(job_id)
        elif action == "erase":
            await bench.store.erase(job_id)
        elif await bench.store.load(job_id):
            await bench.expire(job_id)
    except (IllegalMoveError, UnknownJobError):
        pass


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 12),
    limit=st.integers(1, 5),
    statuses=st.sampled_from([EVERY, LIVE, RETRYABLE]),
    plan=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 15)), max_size=30),
)
async def test_whatever_happens_meanwhile_the_promises_are_kept(
    bench: Bench, first: int, limit: int, statuses: frozenset[Status], plan: list[tuple[str, int]]
) -> None:
    owner, names = str(uuid4()), [str(uuid4()) for _ in range(first)]
    for name in names:
        await bench.store.create(named(name, owner))
    always = {name for name in names if (await loaded(bench.store, name)).status in statuses}
    steps, pages = iter(plan), []

    async for page in pages_of(bench.store, limit, statuses, owner):
        pages.append(page)
        for action, which in steps:
            if action == "page":
                break
            if action == "create":
                names.append(str(uuid4()))
                await bench.store.create(named(names[-1], owner))
            elif names:
                await done(bench, action, names[which % len(names)])
            always = {name for name in always if await has_one_of(bench.store, name, statuses)}

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
