"""What every store promises of idempotency keys, and of how many jobs an owner may have in flight."""

import asyncio
from collections.abc import Awaitable

import pytest
from msgspec.structs import replace

from aether.domain.idempotency import Idempotency
from aether.domain.job import Change, Kind, Status
from aether.durable.ports import NewJob
from aether.errors import IdempotencyKeyReusedError, IllegalMoveError, QueueFullError, TooManyJobsError
from tests.contract.benches import NEW, Bench, brought_to, loaded

ONCE = Idempotency("digest of a key", "digest of a request")
FIRST = replace(NEW, once=ONCE)
AGAIN = replace(FIRST, id="again")
OTHER = replace(AGAIN, once=replace(ONCE, fingerprint="digest of another"))
CANCELLED = Change(status=Status.CANCELLED)
PENDING = Change(status=Status.PENDING)


async def test_a_key_that_stands_for_a_job_brings_its_id_and_stores_nothing(bench: Bench) -> None:
    ids = [await bench.store.create(job) for job in (FIRST, AGAIN, AGAIN)]

    assert ids == [FIRST.id] * 3
    assert (await bench.store.load(AGAIN.id), await bench.queued()) == (None, {FIRST.id})


async def test_another_request_under_a_key_is_refused_and_stores_nothing(bench: Bench) -> None:
    await bench.store.create(FIRST)
    before = await loaded(bench.store)

    with pytest.raises(IdempotencyKeyReusedError):
        await bench.store.create(OTHER)

    assert (await bench.store.load(OTHER.id), await loaded(bench.store)) == (None, before)


async def test_an_id_is_its_own_whatever_the_key(bench: Bench) -> None:
    await bench.store.create(FIRST)

    assert await bench.store.create(replace(OTHER, id=FIRST.id)) == FIRST.id


@pytest.mark.parametrize("status", list(Status))
async def test_a_key_stands_for_its_job_whatever_becomes_of_it(bench: Bench, status: Status) -> None:
    before = await brought_to(bench.store, status, FIRST)

    assert await bench.store.create(AGAIN) == FIRST.id
    assert (await loaded(bench.store), await bench.store.load(AGAIN.id)) == (before, None)


async def test_a_key_stands_for_its_job_after_a_retry(bench: Bench) -> None:
    await brought_to(bench.store, Status.FAILED, FIRST)
    await bench.store.move(FIRST.id, PENDING)

    assert await bench.store.create(AGAIN) == FIRST.id


async def test_erasing_a_job_frees_its_key(bench: Bench) -> None:
    await bench.store.create(FIRST)
    await bench.store.erase(FIRST.id)

    assert await bench.store.create(OTHER) == OTHER.id
    assert (await loaded(bench.store, OTHER.id)).status is Status.PENDING


async def test_a_job_that_has_expired_frees_its_key(bench: Bench) -> None:
    await bench.store.create(FIRST)
    await bench.expire(FIRST.id)

    assert await bench.store.create(OTHER) == OTHER.id
    with pytest.raises(IdempotencyKeyReusedError):
        await bench.store.create(replace(FIRST, id="third"))


async def test_of_a_hundred_equal_requests_at_once_one_becomes_a_job(bench: Bench) -> None:
    ids = [f"job-{at}" for at in range(100)]

    answers = set(await asyncio.gather(*(bench.store.create(replace(FIRST, id=job_id)) for job_id in ids)))

    assert len(answers) == 1
    assert answers == await bench.queued() == await bench.store.known(ids)


async def test_of_two_requests_that_race_for_a_key_one_is_refused(bench: Bench) -> None:
    answers = await asyncio.gather(bench.store.create(FIRST), bench.store.create(OTHER), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, IdempotencyKeyReusedError)]
    assert (len(refused), len(await bench.queued())) == (1, 1)


async def test_a_known_request_needs_no_place_in_a_full_queue_or_beside_the_owners_other_jobs(bench: Bench) -> None:
    store = bench.with_room_for(1)
    await store.create(FIRST, most=1)

    assert [await store.create(AGAIN, most=most) for most in (1, 0)] == [FIRST.id] * 2


async def test_a_request_that_found_no_place_leaves_its_key_free(bench: Bench) -> None:
    store = bench.with_room_for(1)
    await store.create(NEW)
    with pytest.raises(TooManyJobsError):
        await bench.store.create(AGAIN, most=0)
    with pytest.raises(QueueFullError):
        await store.create(AGAIN)
    await store.erase(NEW.id)

    assert await store.create(OTHER) == OTHER.id


def job(name: str, kind: Kind = Kind.REPORT, owner: str = NEW.owner) -> NewJob:
    return replace(NEW, id=name, kind=kind, owner=owner)


async def test_an_owner_has_no_more_jobs_in_flight_than_may_of_all_kinds_together(bench: Bench) -> None:
    for kind in Kind:
        await bench.store.create(job(kind, kind), most=3)
    await bench.store.begin(Kind.REPORT)

    with pytest.raises(TooManyJobsError) as refused:
        await bench.store.create(job("fourth"), most=3)

    assert (refused.value.limit, refused.value.retry_after) == (3, 5.0)
    assert await bench.store.load("fourth") is None
    assert "fourth" not in await bench.queued()


async def test_the_jobs_of_others_do_not_count(bench: Bench) -> None:
    for owner in ("eve", f"{NEW.owner}:b", ""):
        await bench.store.create(job(f"of {owner}", owner=owner))

    assert await bench.store.create(NEW, most=1) == NEW.id


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_a_job_that_has_ended_makes_room(bench: Bench, status: Status) -> None:
    await brought_to(bench.store, status, job("ended"))

    assert await bench.store.create(NEW, most=1) == NEW.id


async def test_a_job_that_is_erased_makes_room(bench: Bench) -> None:
    await bench.store.create(job("erased"), most=1)
    await bench.store.erase("erased")

    assert await bench.store.create(NEW, most=1) == NEW.id


async def test_a_job_that_is_there_already_needs_no_room(bench: Bench) -> None:
    """As after a request whose answer from the store was lost."""
    ids = [await bench.store.create(NEW, most=1) for _ in range(2)]

    assert ids == [NEW.id] * 2


async def test_trying_a_job_again_takes_a_place(bench: Bench) -> None:
    ended = await brought_to(bench.store, Status.FAILED)
    await bench.store.create(job("other"))

    with pytest.raises(TooManyJobsError) as refused:
        await bench.store.move(NEW.id, PENDING, most=1)
    assert (refused.value.limit, refused.value.retry_after, await loaded(bench.store)) == (1, 5.0, ended)

    await bench.store.move(NEW.id, PENDING, most=2)
    assert (await loaded(bench.store)).status is Status.PENDING


async def test_a_move_that_is_not_allowed_is_refused_as_such_even_where_there_is_no_room(bench: Bench) -> None:
    await bench.store.create(NEW)

    with pytest.raises(IllegalMoveError):
        await bench.store.move(NEW.id, PENDING, most=1)


async def test_of_many_requests_at_once_exactly_as_many_find_a_place_as_there_are(bench: Bench) -> None:
    await brought_to(bench.store, Status.CANCELLED, job("ended"))
    made: list[Awaitable[object]] = [
        bench.store.create(job(f"job-{at}", list(Kind)[at % 3]), most=7) for at in range(40)
    ]
    answers = await asyncio.gather(*made, bench.store.move("ended", PENDING, most=7), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, TooManyJobsError)]
    assert (len(refused), len(await bench.queued())) == (41 - 7, 7)
