import pytest
from msgspec.structs import replace

from aether.adapters.redis.keys import EVENT_FIELD, RECORD
from aether.domain.events import StatusChanged, StepFinished, StepsPlanned, UnknownEvent
from aether.domain.job import Change, Status, Step, StepStatus
from aether.durable.ports import Replay
from aether.errors import StoreUnavailableError
from tests.contract.job_store_harness import NEW_JOB, JobStoreHarness, RedisJobStoreHarness, begin_job

DONE = Step("outline", status=StepStatus.DONE)
ALL_EVENTS = (
    (1, StatusChanged(Status.PENDING)),
    (2, StatusChanged(Status.PROCESSING)),
    (3, StepsPlanned(())),
    (4, StepFinished("outline")),
    (5, StatusChanged(Status.COMPLETED)),
)


async def completed(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    change = Change(Status.COMPLETED, 1, (DONE,))
    assert (await harness.store.commit(job.id, job.epoch, job.version, change)).version == len(ALL_EVENTS)


@pytest.mark.parametrize("after", range(len(ALL_EVENTS) + 1))
async def test_the_events_after_a_version_are_returned(harness: JobStoreHarness, after: int) -> None:
    await completed(harness)

    assert await harness.store.replay(NEW_JOB.id, after, 100) == Replay(ALL_EVENTS[after:])


async def test_events_of_a_single_change_are_returned_from_any_of_them_on(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    steps = [replace(DONE, name=f"section:{at}") for at in range(3_000)]
    version, _ = await harness.store.commit(job.id, job.epoch, job.version, Change(steps=tuple(steps)))
    await harness.store.commit(job.id, job.epoch, version, Change(Status.COMPLETED))

    tail = [await harness.store.replay(NEW_JOB.id, after, 2) for after in (2, 1_500, version - 1, version)]

    assert [[at for at, _ in replay.events] for replay in tail] == [
        [3, 4],
        [1_501, 1_502],
        [version, version + 1],
        [version + 1],
    ]


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_no_more_events_are_returned_than_requested(harness: JobStoreHarness, after: int) -> None:
    await completed(harness)

    assert await harness.store.replay(NEW_JOB.id, after, 2) == Replay(ALL_EVENTS[after : after + 2])


async def test_a_cursor_that_the_job_has_not_reached_is_a_gap(harness: JobStoreHarness) -> None:
    await completed(harness)

    assert await harness.store.replay(NEW_JOB.id, 6, 100) == Replay(gap=True)


async def test_a_missing_job_has_no_events_and_every_cursor_is_a_gap(harness: JobStoreHarness) -> None:
    await completed(harness)
    await harness.store.erase(NEW_JOB.id)

    assert [await harness.store.replay(NEW_JOB.id, after, 100) for after in (0, 5)] == [Replay(), Replay(gap=True)]


async def test_a_replay_fails_while_the_store_is_unavailable(harness: JobStoreHarness) -> None:
    with pytest.raises(StoreUnavailableError):
        await harness.unreachable().replay(NEW_JOB.id, 0, 100)


@pytest.mark.parametrize(("after", "rest"), [(0, None), (1, None), (2, ALL_EVENTS[2:]), (3, ALL_EVENTS[3:]), (5, ())])
async def test_missing_events_are_a_gap(
    redis_harness: RedisJobStoreHarness, after: int, rest: tuple[object, ...] | None
) -> None:
    await completed(redis_harness)
    await redis_harness.client.hdel(RECORD + NEW_JOB.id, f"{EVENT_FIELD}2")  # type: ignore[misc]

    replay = await redis_harness.store.replay(NEW_JOB.id, after, 100)

    assert (replay.gap, replay.events) == (rest is None, rest or ())


@pytest.mark.parametrize(
    "entry",
    [
        '[{"event":"page_turned","page":7}]',
        '[{"event":"step","name":{"of":"outline"}}]',
        '[{"event":"steps"',
        '["outline"]',
        '[{"event":"failed","field":"attempt:outline:1"}]',
        '{"event":"step","name":"outline"}',
    ],
)
async def test_an_event_that_this_version_does_not_know_is_returned_as_such(
    redis_harness: RedisJobStoreHarness, entry: str
) -> None:
    """Workers may be newer than the API while a release is rolled out."""
    await completed(redis_harness)
    newer = '[{"event":"step","name":"a","lane":1}]'
    fields = {f"{EVENT_FIELD}6": entry, f"{EVENT_FIELD}7": newer, "version": "7"}
    await redis_harness.client.hset(RECORD + NEW_JOB.id, mapping=fields)  # type: ignore[misc]

    replay = await redis_harness.store.replay(NEW_JOB.id, 4, 100)

    assert replay == Replay((ALL_EVENTS[4], (6, UnknownEvent()), (7, StepFinished("a"))))
