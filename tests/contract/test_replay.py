import pytest

from aether.adapters.redis.keys import EVENTS
from aether.domain.events import StatusChanged, StepFinished, StepsPlanned
from aether.domain.job import Change, Status, Step, StepStatus
from aether.durable.ports import Replay
from aether.errors import StoreUnavailableError
from tests.contract.benches import NEW, Bench, RedisBench, begun

DONE = Step("outline", status=StepStatus.DONE)
TOLD = (
    (1, StatusChanged(Status.PENDING)),
    (2, StatusChanged(Status.PROCESSING)),
    (3, StepsPlanned(())),
    (4, StepFinished("outline")),
    (5, StatusChanged(Status.COMPLETED)),
)


async def completed(bench: Bench) -> None:
    job = await begun(bench.store)
    change = Change(Status.COMPLETED, 1, (DONE,))
    assert (await bench.store.commit(job.id, job.epoch, job.version, change)).version == len(TOLD)


@pytest.mark.parametrize("after", range(len(TOLD) + 1))
async def test_the_events_behind_a_version_are_told_with_theirs(bench: Bench, after: int) -> None:
    await completed(bench)

    assert await bench.store.replay(NEW.id, after, 100) == Replay(TOLD[after:])


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_no_more_are_told_than_asked_for(bench: Bench, after: int) -> None:
    await completed(bench)

    assert await bench.store.replay(NEW.id, after, 2) == Replay(TOLD[after : after + 2])


async def test_a_cursor_that_the_job_has_not_reached_is_a_gap(bench: Bench) -> None:
    await completed(bench)

    assert await bench.store.replay(NEW.id, 6, 100) == Replay(gap=True)


async def test_a_job_that_is_gone_has_nothing_to_tell_and_every_cursor_of_it_is_a_gap(bench: Bench) -> None:
    await completed(bench)
    await bench.store.erase(NEW.id)

    assert [await bench.store.replay(NEW.id, after, 100) for after in (0, 5)] == [Replay(), Replay(gap=True)]


async def test_nothing_is_told_while_the_store_is_away(bench: Bench) -> None:
    with pytest.raises(StoreUnavailableError):
        await bench.out_of_reach().replay(NEW.id, 0, 100)


@pytest.mark.parametrize(("after", "told"), [(0, None), (1, None), (2, TOLD[2:]), (3, TOLD[3:]), (5, ())])
async def test_what_is_no_longer_kept_is_a_gap(
    redis_bench: RedisBench, after: int, told: tuple[object, ...] | None
) -> None:
    await completed(redis_bench)
    await redis_bench.client.xtrim(EVENTS + NEW.id, minid="3-0", approximate=False)

    replay = await redis_bench.store.replay(NEW.id, after, 100)

    assert (replay.gap, replay.events) == (told is None, told or ())


async def test_an_event_of_a_later_release_is_a_gap(redis_bench: RedisBench) -> None:
    """Workers may be ahead of the API while both are deployed anew."""
    await completed(redis_bench)
    await redis_bench.client.xadd(EVENTS + NEW.id, {"event": '{"event":"surprise"}'}, id="6-0")

    assert [(await redis_bench.store.replay(NEW.id, 4, limit)).gap for limit in (1, 2)] == [False, True]
