import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import product

import msgspec
import pytest
from msgspec.structs import replace

from aether.domain.events import AttemptFailed, StatusChanged, StepFinished, StepsPlanned
from aether.domain.job import Attempt, Change, Job, Kind, Limits, Problem, Status, Step, StepStatus, Usage
from aether.durable.ports import Committed, JobStore
from aether.errors import FencedError, IllegalMoveError, QueueFullError, StoreUnavailableError, UnknownJobError
from tests.contract.benches import NEW, TTL, Bench, begun, brought_to, loaded

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
RUNNING = Step("outline", status=StepStatus.RUNNING, attempts=1, started_at=NOON)
DONE = replace(RUNNING, status=StepStatus.DONE, finished_at=NOON, result=msgspec.Raw(b'["I","II"]'))
COMPLETED = Change(status=Status.COMPLETED)

# As the design draws it, not as the code says it.
LEGAL = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("pending", "failed"),  # every worker died of it
    ("processing", "processing"),  # taken over
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "cancelled"),
    ("failed", "pending"),
    ("cancelled", "pending"),
}


async def test_a_created_job_is_pending_queued_and_as_it_was_given(bench: Bench) -> None:
    await bench.store.create(NEW)

    job = await loaded(bench.store)
    given = (job.id, job.kind, job.owner, bytes(job.input), job.status, job.version)
    assert given == (NEW.id, Kind.REPORT, "ada", NEW.input, Status.PENDING, 1)
    assert job.steps == (Step("outline"),)
    assert (job.total, job.attempts, job.usage, job.problem) == (0, (), Usage(), None)
    assert (job.created_at, job.queued_at, job.expires_at - TTL) == (job.updated_at,) * 3
    assert await bench.queued() == {NEW.id}


async def test_creating_an_id_again_changes_nothing(bench: Bench) -> None:
    running = await begun(bench.store)

    await bench.store.create(replace(NEW, owner="eve", input=b"{}"))

    assert await loaded(bench.store) == running


async def test_twenty_creations_of_one_id_make_one_job(bench: Bench) -> None:
    await asyncio.gather(*(bench.store.create(NEW) for _ in range(20)))

    assert ((await loaded(bench.store)).version, await bench.queued()) == (1, {NEW.id})


async def test_a_full_queue_takes_no_job_and_stores_nothing_of_it(bench: Bench) -> None:
    store = bench.with_room_for(2)
    for job_id in ("a", "b"):
        await store.create(replace(NEW, id=job_id))

    with pytest.raises(QueueFullError) as refused:
        await store.create(NEW)

    assert (refused.value.limit, refused.value.retry_after) == (2, 5.0)
    assert await store.load(NEW.id) is None


async def test_a_full_queue_still_knows_the_ids_it_took(bench: Bench) -> None:
    store = bench.with_room_for(1)

    await store.create(NEW)
    await store.create(NEW)

    assert await store.load(NEW.id)


async def test_beginning_takes_the_epoch_and_returns_the_record(bench: Bench) -> None:
    await bench.store.create(NEW)
    created = await loaded(bench.store)

    first, second = [await bench.store.begin(NEW.id) for _ in range(2)]

    assert first
    assert second
    assert first.status is Status.PROCESSING
    assert created.epoch < first.epoch < second.epoch
    assert second == await loaded(bench.store)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_an_ended_job_is_not_to_be_run(bench: Bench, status: Status) -> None:
    ended = await brought_to(bench.store, status)

    assert await bench.store.begin(NEW.id) is None
    assert await loaded(bench.store) == ended


async def test_an_unknown_job_is_neither_loaded_nor_run(bench: Bench) -> None:
    assert [await bench.store.load("x"), await bench.store.begin("x")] == [None, None]


async def test_an_unknown_job_cannot_be_written_to(bench: Bench) -> None:
    with pytest.raises(FencedError):
        await bench.store.commit("x", 1, 1, COMPLETED)
    with pytest.raises(UnknownJobError):
        await bench.store.move("x", Change(status=Status.CANCELLED))
    await bench.store.erase("x")


async def test_a_commit_changes_what_it_says_and_nothing_else(bench: Bench) -> None:
    before = await begun(bench.store)
    attempt = Attempt("outline", 1, NOON, "no answer")

    await bench.store.commit(
        before.id, before.epoch, before.version, Change(None, 3, (DONE,), (attempt,), Usage(1, 20, 3))
    )
    after = await loaded(bench.store)

    changed = {"total": 3, "steps": (DONE,), "attempts": (attempt,), "usage": Usage(1, 20, 3)}
    times = {"version": after.version, "updated_at": after.updated_at, "expires_at": after.expires_at}
    assert replace(before, **changed, **times) == after


async def test_usage_adds_up_and_steps_replace_those_of_their_name(bench: Bench) -> None:
    job = await begun(bench.store)
    version, _ = await bench.store.commit(
        job.id,
        job.epoch,
        job.version,
        Change(steps=(RUNNING, Step("section:0", 1, title="Fall")), usage=Usage(1, 2, 3)),
    )

    await bench.store.commit(job.id, job.epoch, version, Change(steps=(RUNNING, DONE), usage=Usage(1, 20, 30)))

    after = await loaded(bench.store)
    assert (after.steps, after.usage) == ((DONE, Step("section:0", 1, title="Fall")), Usage(2, 22, 33))


async def test_an_old_epoch_is_refused_and_changes_nothing(bench: Bench) -> None:
    old = await begun(bench.store)
    await bench.store.begin(NEW.id)
    before = await loaded(bench.store)

    with pytest.raises(FencedError):
        await bench.store.commit(old.id, old.epoch, before.version, COMPLETED)

    assert await loaded(bench.store) == before


@pytest.mark.parametrize("change", [Change(steps=(DONE,), usage=Usage(1, 2, 3)), COMPLETED, Change(usage=Usage(1))])
async def test_a_commit_whose_answer_was_lost_is_applied_once(bench: Bench, change: Change) -> None:
    job = await begun(bench.store)

    versions = [(await bench.store.commit(job.id, job.epoch, job.version, change)).version for _ in range(3)]

    assert versions == [(await loaded(bench.store)).version] * 3
    assert (await loaded(bench.store)).usage == change.usage


async def test_a_run_cannot_make_an_illegal_move(bench: Bench) -> None:
    job = await begun(bench.store)
    version, _ = await bench.store.commit(job.id, job.epoch, job.version, COMPLETED)

    with pytest.raises(FencedError):
        await bench.store.commit(job.id, job.epoch, version, Change(status=Status.FAILED))


async def test_each_version_has_its_event_without_a_hole(bench: Bench) -> None:
    job = await begun(bench.store)
    attempt = Attempt("outline", 1, NOON, "no answer")
    change = Change(Status.COMPLETED, 2, (RUNNING, DONE), (attempt,), Usage(1))

    version, _ = await bench.store.commit(job.id, job.epoch, job.version, change)

    expected = [
        StatusChanged(Status.PENDING),
        StatusChanged(Status.PROCESSING),
        StepsPlanned(("outline",)),
        AttemptFailed(attempt),
        StepFinished("outline"),
        StatusChanged(Status.COMPLETED),
    ]
    assert {f"{at}-0": event for at, event in enumerate(expected, start=1)} == await bench.events(job.id)
    assert version == (await loaded(bench.store)).version == len(expected)


@pytest.mark.parametrize(("was", "wanted"), list(product(Status, Status)))
async def test_moves(bench: Bench, was: Status, wanted: Status) -> None:
    before = await brought_to(bench.store, was)
    move = bench.store.move(NEW.id, Change(status=wanted))

    if (was, wanted) in LEGAL:
        await move
        after = await loaded(bench.store)
        assert (after.status, after.version) == (wanted, before.version + 1)
    else:
        with pytest.raises(IllegalMoveError) as refused:
            await move
        assert (refused.value.status, refused.value.wanted) == (was, wanted)
        assert await loaded(bench.store) == before


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED])
async def test_a_move_fences_the_run_and_takes_the_job_off_the_queue(bench: Bench, status: Status) -> None:
    job = await begun(bench.store)
    problem = Problem("poison", "It ended every worker.", "outline")

    await bench.store.move(job.id, Change(status=status, problem=problem))

    with pytest.raises(FencedError):
        await bench.store.commit(job.id, job.epoch, job.version, Change(steps=(DONE,)))
    assert ((await loaded(bench.store)).problem, await bench.queued()) == (problem, set())


async def test_a_retry_keeps_finished_steps_and_queues_the_job_again(bench: Bench) -> None:
    job = await begun(bench.store)
    failed = Change(Status.FAILED, 2, (DONE,), usage=Usage(1), problem=Problem("model-failed", "No."))
    await bench.store.commit(job.id, job.epoch, job.version, failed)

    await bench.store.move(job.id, Change(status=Status.PENDING))

    after = await loaded(bench.store)
    assert (after.status, after.total, after.steps, after.usage) == (Status.PENDING, 2, (DONE,), Usage(1))
    assert (after.problem, after.queued_at, await bench.queued()) == (None, after.updated_at, {job.id})
    assert after.created_at == job.created_at


async def test_an_erased_job_is_gone_and_its_run_is_fenced(bench: Bench) -> None:
    job = await begun(bench.store)

    await bench.store.erase(job.id)

    assert (await bench.store.load(job.id), await bench.queued(), await bench.events(job.id)) == (None, set(), {})
    with pytest.raises(FencedError):
        await bench.store.commit(job.id, job.epoch, job.version, COMPLETED)


CALLS: dict[str, Callable[[JobStore], Awaitable[object]]] = {
    "create": lambda store: store.create(NEW),
    "load": lambda store: store.load(NEW.id),
    "look": lambda store: store.look(NEW.kind, NEW.owner, NEW.id),
    "begin": lambda store: store.begin(NEW.id),
    "commit": lambda store: store.commit(NEW.id, 1, 1, COMPLETED),
    "move": lambda store: store.move(NEW.id, Change(status=Status.CANCELLED)),
    "erase": lambda store: store.erase(NEW.id),
    "list": lambda store: store.list(NEW.owner, NEW.kind, frozenset(Status), 1),
}


@pytest.mark.parametrize("method", CALLS)
async def test_every_method_says_when_the_store_is_away(bench: Bench, method: str) -> None:
    with pytest.raises(StoreUnavailableError):
        await CALLS[method](bench.out_of_reach())


async def test_of_two_epochs_that_race_only_the_newer_lands(bench: Bench) -> None:
    old = await begun(bench.store)
    new = await bench.store.begin(NEW.id)
    assert new

    async def write(job: Job, name: str) -> int:
        version, landed = new.version, 0
        for at in range(25):
            try:
                version, _ = await bench.store.commit(
                    job.id, job.epoch, version, Change(steps=(Step(f"{name}:{at}", at),))
                )
                landed += 1
            except FencedError:
                pass
        return landed

    by_old, by_new = await asyncio.gather(write(old, "old"), write(new, "new"))

    assert (by_old, by_new) == (0, 25)
    names = [step.name for step in (await loaded(bench.store)).steps if step.name != "outline"]
    assert [f"new:{at}" for at in range(25)] == names


async def test_of_runs_that_begin_at_once_one_may_write(bench: Bench) -> None:
    await bench.store.create(NEW)

    runs = await asyncio.gather(*(bench.store.begin(NEW.id) for _ in range(10)))

    landed = 0
    for run in filter(None, runs):
        try:
            await bench.store.commit(NEW.id, run.epoch, run.version, Change(total=1))
            landed += 1
        except FencedError:
            pass
    assert landed == 1


async def test_when_a_cancellation_races_a_completion_exactly_one_wins(bench: Bench) -> None:
    async def race(job_id: str) -> bool:
        job = await begun(bench.store, replace(NEW, id=job_id))
        cancelled, completed = await asyncio.gather(
            bench.store.move(job_id, Change(status=Status.CANCELLED)),
            bench.store.commit(job_id, job.epoch, job.version, COMPLETED),
            return_exceptions=True,
        )
        ended = (await loaded(bench.store, job_id)).status
        if ended is Status.CANCELLED:
            return cancelled is None and isinstance(completed, FencedError)
        return isinstance(cancelled, IllegalMoveError) and completed == Committed(job.version + 1, watched=False)

    assert all(await asyncio.gather(*(race(f"job-{at}") for at in range(100))))


async def test_limits_are_kept_and_replaced(bench: Bench) -> None:
    await bench.store.create(replace(NEW, limits=Limits(60.0, 1_000)))
    assert (await loaded(bench.store)).limits == Limits(60.0, 1_000)

    await bench.store.move(NEW.id, Change(status=Status.CANCELLED))
    assert (await loaded(bench.store)).limits == Limits(60.0, 1_000)

    await bench.store.move(NEW.id, Change(status=Status.PENDING, limits=Limits(tokens=2_000)))
    assert (await loaded(bench.store)).limits == Limits(tokens=2_000)


async def test_a_job_starts_once_for_each_time_it_is_queued(bench: Bench) -> None:
    await bench.store.create(NEW)
    assert (await loaded(bench.store)).started_at is None

    first = await begun(bench.store)
    again = await bench.store.begin(NEW.id)

    assert again is not None
    assert first.started_at is not None
    assert again.started_at == first.started_at


async def test_the_outlook_tells_the_place_in_the_queue_and_what_others_took(bench: Bench) -> None:
    job = await begun(bench.store)
    await bench.store.commit(job.id, job.epoch, job.version, COMPLETED)
    await bench.store.erase(job.id)  # no worker is here to take its entry off the queue
    ids = ["first", "second"]
    for job_id in ids:
        await bench.store.create(replace(NEW, id=job_id))

    outlooks = [await bench.store.estimate(await loaded(bench.store, job_id)) for job_id in ids]
    running = await bench.store.begin("first")

    assert running is not None
    assert [seen.position for seen in outlooks] == [1, 2]
    assert all(seen.seconds_left is not None for seen in outlooks)
    assert (await bench.store.estimate(running)).position is None


async def test_a_run_that_knows_more_than_the_record_is_ended_and_the_job_queued_again(bench: Bench) -> None:
    """A store that was set back has lost steps which this run would never make again."""
    job = await begun(bench.store)

    with pytest.raises(FencedError):
        await bench.store.commit(job.id, job.epoch, job.version + 1, COMPLETED)

    assert await bench.queued() == {job.id}
    again = await bench.store.begin(job.id)
    assert again is not None
    assert again.status is Status.PROCESSING
    assert again.epoch > job.epoch


async def test_of_many_ids_those_with_a_record_are_known(bench: Bench) -> None:
    for job_id in ("first", "second", "erased"):
        await bench.store.create(replace(NEW, id=job_id))
    await bench.store.erase("erased")

    assert await bench.store.known(["never", "second", "erased", "first"]) == {"first", "second"}
    assert await bench.store.known([]) == set()
