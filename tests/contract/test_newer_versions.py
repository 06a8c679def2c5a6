"""Newer versions: what every job store does with records that a newer version has written."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from aether.adapters.redis.keys import FENCES, RECORD
from aether.domain.job import Change, Job, Kind, Limits, Status, Step, StepStatus
from aether.errors import IllegalMoveError, UnsupportedRecordError
from tests.contract.job_store_harness import (
    NEW_JOB,
    JobStoreHarness,
    RedisJobStoreHarness,
    begin_job,
    job_with_status,
    load_job,
)
from tests.waiting import PATIENCE_S

PODCAST = Kind("podcast")
PAUSED = Status("paused")
ALL = frozenset(Status)


async def paused_job(harness: JobStoreHarness, kind: Kind = Kind.REPORT) -> Job:
    job = replace(await job_with_status(harness.store, Status.PROCESSING), kind=kind, status=PAUSED)
    await harness.rewrite(job)
    return await load_job(harness.store)


async def record_of(harness: RedisJobStoreHarness) -> Mapping[bytes, bytes]:
    # redis-py types the answers of its two kinds of client as one.
    record: Mapping[bytes, bytes] = await harness.client.hgetall(RECORD + NEW_JOB.id)  # type: ignore[misc]
    return record


async def store_fields(harness: RedisJobStoreHarness, **fields: object) -> None:
    encoded = {name: msgspec.json.encode(value) for name, value in fields.items()}
    await harness.client.hset(RECORD + NEW_JOB.id, mapping=encoded)  # type: ignore[misc]  # as above


def all_fields(step: Step) -> dict[str, object]:
    fields: dict[str, object] = msgspec.json.decode(msgspec.json.encode(step))
    return fields


async def test_a_job_is_loaded_with_the_words_that_are_stored(harness: JobStoreHarness) -> None:
    job = await paused_job(harness, PODCAST)

    snapshot = await harness.store.load_snapshot(PODCAST, NEW_JOB.owner, NEW_JOB.id)

    assert (job.kind, job.status) == ("podcast", "paused")
    assert snapshot is not None
    assert (snapshot.job, snapshot.estimate.seconds_left) == (job, None)


@pytest.mark.parametrize("word", [PODCAST, PAUSED])
async def test_a_run_is_refused_to_who_does_not_know_the_job(harness: JobStoreHarness, word: str) -> None:
    job = await begin_job(harness.store)
    await harness.rewrite(replace(job, kind=word) if word is PODCAST else replace(job, status=word))
    before = await load_job(harness.store)

    with pytest.raises(UnsupportedRecordError, match=word):
        await harness.store.begin(NEW_JOB.id, list(Kind))

    assert await load_job(harness.store) == before
    assert len(await harness.events(NEW_JOB.id)) == before.version


async def test_who_knows_the_kind_may_run_the_job(harness: JobStoreHarness) -> None:
    await harness.store.create(replace(NEW_JOB, kind=PODCAST))

    running = await harness.store.begin(NEW_JOB.id, [*Kind, PODCAST])

    assert running is not None
    assert (running.kind, running.status) == (PODCAST, Status.PROCESSING)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_a_job_that_has_ended_is_not_to_be_run_whatever_its_kind(
    harness: JobStoreHarness, status: Status
) -> None:
    await job_with_status(harness.store, status, replace(NEW_JOB, kind=PODCAST))

    assert await harness.store.begin(NEW_JOB.id, list(Kind)) is None


@pytest.mark.parametrize("status", [Status.PENDING, Status.CANCELLED, Status.FAILED])
async def test_an_unknown_status_allows_no_move(harness: JobStoreHarness, status: Status) -> None:
    job = await paused_job(harness)

    with pytest.raises(IllegalMoveError) as raised:
        await harness.store.move(NEW_JOB.id, Change(status=status))

    assert (raised.value.status, await load_job(harness.store)) == (PAUSED, job)


async def test_a_job_of_a_newer_version_can_be_erased(harness: JobStoreHarness) -> None:
    await paused_job(harness, PODCAST)

    await harness.store.erase(NEW_JOB.id)

    assert await harness.store.load(NEW_JOB.id) is None
    assert not (await harness.store.list(NEW_JOB.owner, PODCAST, ALL, 10)).jobs


async def test_a_list_of_all_statuses_shows_a_job_with_an_unknown_one(harness: JobStoreHarness) -> None:
    await harness.store.create(replace(NEW_JOB, id="before"))
    await asyncio.sleep(0.002)  # jobs of the same millisecond are ordered by id
    await paused_job(harness)
    await asyncio.sleep(0.002)
    await harness.store.create(replace(NEW_JOB, id="after"))

    first = await harness.store.list(NEW_JOB.owner, Kind.REPORT, ALL, 2)
    second = await harness.store.list(NEW_JOB.owner, Kind.REPORT, ALL, 2, first.next)

    shown = [(job.id, job.status) for page in (first, second) for job in page.jobs]
    assert shown == [("after", "pending"), (NEW_JOB.id, "paused"), ("before", "pending")]


async def test_a_list_of_some_statuses_does_not_show_a_job_with_an_unknown_one(harness: JobStoreHarness) -> None:
    await paused_job(harness)

    for status in Status:
        assert not (await harness.store.list(NEW_JOB.owner, Kind.REPORT, frozenset({status}), 10)).jobs


async def test_a_job_stays_listed_where_a_newer_version_lists_it(redis_harness: RedisJobStoreHarness) -> None:
    """This version does not decide in which list a status of a newer version belongs."""
    await redis_harness.store.create(NEW_JOB)
    await redis_harness.client.hset(RECORD + NEW_JOB.id, "status", "paused")  # type: ignore[misc]  # as above

    pages = [await redis_harness.store.list(NEW_JOB.owner, Kind.REPORT, ALL, 10) for _ in range(2)]

    assert [[job.status for job in page.jobs] for page in pages] == [["paused"], ["paused"]]


async def test_fields_that_this_version_does_not_know_outlast_a_run(redis_harness: RedisJobStoreHarness) -> None:
    await redis_harness.store.create(NEW_JOB)
    step = {"name": "outline", "order": 0, "status": "pending", "lane": "fast", "votes": {"for": [1, 2.5]}}
    await store_fields(redis_harness, **{"step:outline": step, "mood": "calm", "usage:images": 3})
    job = await redis_harness.store.begin(NEW_JOB.id)
    assert job is not None

    done = replace(job.steps[0], status=StepStatus.DONE, result=Raw(b'{"items":[]}'))
    change = Change(Status.COMPLETED, 1, (done, Step("section:0", order=1)))
    await redis_harness.store.commit(job.id, job.epoch, job.version, change)

    record = await record_of(redis_harness)
    stored = msgspec.json.decode(record[b"step:outline"])
    assert stored == all_fields(Step("outline")) | step | {"status": "done", "result": {"items": []}}
    assert msgspec.json.decode(record[b"step:section:0"]) == all_fields(Step("section:0", order=1))
    assert (record[b"mood"], record[b"usage:images"]) == (b'"calm"', b"3")


async def test_fields_that_this_version_does_not_know_outlast_a_retry(redis_harness: RedisJobStoreHarness) -> None:
    await job_with_status(redis_harness.store, Status.FAILED)
    await store_fields(redis_harness, limits={"tokens": 5, "images": 2})
    job = await load_job(redis_harness.store)

    await redis_harness.store.move(NEW_JOB.id, Change(status=Status.PENDING, limits=job.limits | Limits(seconds=60)))

    record = await record_of(redis_harness)
    assert msgspec.json.decode(record[b"limits"]) == {"tokens": 5, "images": 2, "seconds": 60}


async def test_a_step_with_an_unknown_status_is_loaded_with_it(redis_harness: RedisJobStoreHarness) -> None:
    await redis_harness.store.create(NEW_JOB)
    await store_fields(redis_harness, **{"step:outline": {"name": "outline", "status": "reviewed"}})

    job = await load_job(redis_harness.store)

    assert [step.status for step in job.steps] == ["reviewed"]
    assert [job.count(status) for status in StepStatus] == [0, 0, 0, 0]


async def test_a_message_about_a_lost_job_may_say_more(redis_harness: RedisJobStoreHarness) -> None:
    async with asyncio.timeout(PATIENCE_S):
        fences = redis_harness.store.fences()
        heard = asyncio.ensure_future(anext(fences))
        while not await redis_harness.client.publish(FENCES, "4f9c 17 paused by ada"):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

        assert await heard == ("4f9c", 17)
