"""Admission: what every job store promises about idempotency keys and the limit of jobs in flight."""

import asyncio
from collections.abc import Awaitable

import pytest
from msgspec.structs import replace

from aether.domain.idempotency import Idempotency
from aether.domain.job import Change, Kind, Status
from aether.durable.ports import NewJob
from aether.errors import IdempotencyKeyReusedError, IllegalMoveError, QueueFullError, TooManyJobsError
from tests.contract.job_store_harness import NEW_JOB, JobStoreHarness, job_with_status, load_job

KEY = Idempotency("digest of a key", "digest of a request")
FIRST = replace(NEW_JOB, idempotency=KEY)
AGAIN = replace(FIRST, id="again")
OTHER = replace(AGAIN, idempotency=replace(KEY, fingerprint="digest of another"))
CANCELLED = Change(status=Status.CANCELLED)
PENDING = Change(status=Status.PENDING)


async def test_a_used_key_returns_the_id_of_its_job_and_stores_nothing(harness: JobStoreHarness) -> None:
    ids = [await harness.store.create(job) for job in (FIRST, AGAIN, AGAIN)]

    assert ids == [FIRST.id] * 3
    assert (await harness.store.load(AGAIN.id), await harness.queued()) == (None, {FIRST.id})


async def test_another_request_with_a_used_key_is_rejected_and_stores_nothing(harness: JobStoreHarness) -> None:
    await harness.store.create(FIRST)
    before = await load_job(harness.store)

    with pytest.raises(IdempotencyKeyReusedError):
        await harness.store.create(OTHER)

    assert (await harness.store.load(OTHER.id), await load_job(harness.store)) == (None, before)


async def test_an_existing_id_is_returned_whatever_the_key(harness: JobStoreHarness) -> None:
    await harness.store.create(FIRST)

    assert await harness.store.create(replace(OTHER, id=FIRST.id)) == FIRST.id


async def test_the_job_of_a_key_is_found_until_it_ends_with_the_job(harness: JobStoreHarness) -> None:
    found = [await harness.store.find_repeated(KEY)]
    await harness.store.create(FIRST)

    found.append(await harness.store.find_repeated(KEY))
    with pytest.raises(IdempotencyKeyReusedError):
        await harness.store.find_repeated(replace(KEY, fingerprint="digest of another"))
    await harness.expire(FIRST.id)
    found.append(await harness.store.find_repeated(KEY))

    assert found == [None, FIRST.id, None]


@pytest.mark.parametrize("status", list(Status))
async def test_a_key_belongs_to_its_job_in_every_status(harness: JobStoreHarness, status: Status) -> None:
    before = await job_with_status(harness.store, status, FIRST)

    assert await harness.store.create(AGAIN) == FIRST.id
    assert (await load_job(harness.store), await harness.store.load(AGAIN.id)) == (before, None)


async def test_a_key_belongs_to_its_job_after_a_retry(harness: JobStoreHarness) -> None:
    await job_with_status(harness.store, Status.FAILED, FIRST)
    await harness.store.move(FIRST.id, PENDING)

    assert await harness.store.create(AGAIN) == FIRST.id


async def test_erasing_a_job_frees_its_key(harness: JobStoreHarness) -> None:
    await harness.store.create(FIRST)
    await harness.store.erase(FIRST.id)

    assert await harness.store.create(OTHER) == OTHER.id
    assert (await load_job(harness.store, OTHER.id)).status is Status.PENDING


async def test_a_job_that_has_expired_frees_its_key(harness: JobStoreHarness) -> None:
    await harness.store.create(FIRST)
    await harness.expire(FIRST.id)

    assert await harness.store.create(OTHER) == OTHER.id
    with pytest.raises(IdempotencyKeyReusedError):
        await harness.store.create(replace(FIRST, id="third"))


async def test_one_of_a_hundred_equal_concurrent_requests_creates_a_job(harness: JobStoreHarness) -> None:
    ids = [f"job-{at}" for at in range(100)]

    answers = set(await asyncio.gather(*(harness.store.create(replace(FIRST, id=job_id)) for job_id in ids)))

    assert len(answers) == 1
    assert answers == await harness.queued() == await harness.store.find_existing(ids)


async def test_one_of_two_different_concurrent_requests_with_a_key_is_rejected(harness: JobStoreHarness) -> None:
    answers = await asyncio.gather(harness.store.create(FIRST), harness.store.create(OTHER), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, IdempotencyKeyReusedError)]
    assert (len(refused), len(await harness.queued())) == (1, 1)


async def test_a_repeated_request_is_accepted_when_the_queue_is_full_or_the_owner_has_too_many_jobs(
    harness: JobStoreHarness,
) -> None:
    store = harness.with_queue_limit(1)
    await store.create(FIRST, max_jobs=1)

    assert [await store.create(AGAIN, max_jobs=max_jobs) for max_jobs in (1, 0)] == [FIRST.id] * 2


async def test_a_rejected_request_leaves_its_key_free(harness: JobStoreHarness) -> None:
    store = harness.with_queue_limit(1)
    await store.create(NEW_JOB)
    with pytest.raises(TooManyJobsError):
        await harness.store.create(AGAIN, max_jobs=0)
    with pytest.raises(QueueFullError):
        await store.create(AGAIN)
    await store.erase(NEW_JOB.id)

    assert await store.create(OTHER) == OTHER.id


def job(name: str, kind: Kind = Kind.REPORT, owner: str = NEW_JOB.owner) -> NewJob:
    return replace(NEW_JOB, id=name, kind=kind, owner=owner)


async def test_the_limit_of_jobs_in_flight_counts_all_kinds(harness: JobStoreHarness) -> None:
    for kind in Kind:
        await harness.store.create(job(kind, kind), max_jobs=len(Kind))
    await harness.store.begin(Kind.REPORT)

    with pytest.raises(TooManyJobsError) as refused:
        await harness.store.create(job("one more"), max_jobs=len(Kind))

    assert (refused.value.limit, refused.value.retry_after) == (len(Kind), 5.0)
    assert await harness.store.load("one more") is None
    assert "one more" not in await harness.queued()


async def test_jobs_of_other_owners_do_not_count(harness: JobStoreHarness) -> None:
    for owner in ("eve", f"{NEW_JOB.owner}:b", ""):
        await harness.store.create(job(f"of {owner}", owner=owner))

    assert await harness.store.create(NEW_JOB, max_jobs=1) == NEW_JOB.id


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_a_job_that_has_ended_makes_room(harness: JobStoreHarness, status: Status) -> None:
    await job_with_status(harness.store, status, job("ended"))

    assert await harness.store.create(NEW_JOB, max_jobs=1) == NEW_JOB.id


async def test_a_job_that_is_erased_makes_room(harness: JobStoreHarness) -> None:
    await harness.store.create(job("erased"), max_jobs=1)
    await harness.store.erase("erased")

    assert await harness.store.create(NEW_JOB, max_jobs=1) == NEW_JOB.id


async def test_creating_an_existing_job_again_is_not_limited(harness: JobStoreHarness) -> None:
    """A request is repeated when the answer of the store was lost."""
    ids = [await harness.store.create(NEW_JOB, max_jobs=1) for _ in range(2)]

    assert ids == [NEW_JOB.id] * 2


async def test_a_retried_job_counts(harness: JobStoreHarness) -> None:
    ended = await job_with_status(harness.store, Status.FAILED)
    await harness.store.create(job("other"))

    with pytest.raises(TooManyJobsError) as refused:
        await harness.store.move(NEW_JOB.id, PENDING, max_jobs=1)
    assert (refused.value.limit, refused.value.retry_after, await load_job(harness.store)) == (1, 5.0, ended)

    await harness.store.move(NEW_JOB.id, PENDING, max_jobs=2)
    assert (await load_job(harness.store)).status is Status.PENDING


async def test_an_illegal_move_is_reported_before_the_limit(
    harness: JobStoreHarness,
) -> None:
    await harness.store.create(NEW_JOB)

    with pytest.raises(IllegalMoveError):
        await harness.store.move(NEW_JOB.id, PENDING, max_jobs=1)


async def test_concurrent_requests_do_not_exceed_the_limit(harness: JobStoreHarness) -> None:
    await job_with_status(harness.store, Status.CANCELLED, job("ended"))
    made: list[Awaitable[object]] = [
        harness.store.create(job(f"job-{at}", list(Kind)[at % 3]), max_jobs=7) for at in range(40)
    ]
    answers = await asyncio.gather(*made, harness.store.move("ended", PENDING, max_jobs=7), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, TooManyJobsError)]
    assert (len(refused), len(await harness.queued())) == (41 - 7, 7)
