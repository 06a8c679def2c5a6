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
from tests.contract.job_store_harness import (
    NEW_JOB,
    TTL,
    JobStoreHarness,
    begin_job,
    job_with_status,
    load_estimate,
    load_job,
)

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


async def test_a_created_job_is_pending_and_queued(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)

    job = await load_job(harness.store)
    given = (job.id, job.kind, job.owner, bytes(job.input), job.status, job.version)
    assert given == (NEW_JOB.id, Kind.REPORT, "ada", NEW_JOB.input, Status.PENDING, 1)
    assert job.steps == (Step("outline"),)
    assert (job.total, job.attempts, job.usage, job.problem) == (0, (), Usage(), None)
    assert (job.created_at, job.queued_at, job.expires_at - TTL) == (job.updated_at,) * 3
    assert await harness.queued() == {NEW_JOB.id}


async def test_creating_an_id_again_changes_nothing(harness: JobStoreHarness) -> None:
    running = await begin_job(harness.store)

    await harness.store.create(replace(NEW_JOB, owner="eve", input=b"{}"))

    assert await load_job(harness.store) == running


async def test_concurrent_creations_of_one_id_make_one_job(harness: JobStoreHarness) -> None:
    await asyncio.gather(*(harness.store.create(NEW_JOB) for _ in range(20)))

    assert ((await load_job(harness.store)).version, await harness.queued()) == (1, {NEW_JOB.id})


async def test_a_full_queue_rejects_a_job_and_stores_nothing(harness: JobStoreHarness) -> None:
    store = harness.with_queue_limit(2)
    for job_id in ("a", "b"):
        await store.create(replace(NEW_JOB, id=job_id))

    with pytest.raises(QueueFullError) as refused:
        await store.create(NEW_JOB)

    assert (refused.value.limit, refused.value.retry_after) == (2, 5.0)
    assert await store.load(NEW_JOB.id) is None


async def test_a_full_queue_accepts_existing_ids(harness: JobStoreHarness) -> None:
    store = harness.with_queue_limit(1)

    await store.create(NEW_JOB)
    await store.create(NEW_JOB)

    assert await store.load(NEW_JOB.id)


async def test_beginning_takes_the_epoch_and_returns_the_record(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)
    created = await load_job(harness.store)

    first, second = [await harness.store.begin(NEW_JOB.id) for _ in range(2)]

    assert first
    assert second
    assert first.status is Status.PROCESSING
    assert created.epoch < first.epoch < second.epoch
    assert second == await load_job(harness.store)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_an_ended_job_cannot_begin(harness: JobStoreHarness, status: Status) -> None:
    ended = await job_with_status(harness.store, status)

    assert await harness.store.begin(NEW_JOB.id) is None
    assert await load_job(harness.store) == ended


async def test_an_unknown_job_can_neither_be_loaded_nor_begin(harness: JobStoreHarness) -> None:
    assert [await harness.store.load("x"), await harness.store.begin("x")] == [None, None]


async def test_an_unknown_job_cannot_be_changed(harness: JobStoreHarness) -> None:
    with pytest.raises(FencedError):
        await harness.store.commit("x", 1, 1, COMPLETED)
    with pytest.raises(UnknownJobError):
        await harness.store.move("x", Change(status=Status.CANCELLED))
    await harness.store.erase("x")


async def test_a_commit_changes_what_it_says_and_nothing_else(harness: JobStoreHarness) -> None:
    before = await begin_job(harness.store)
    attempt = Attempt("outline", 1, NOON, "no answer")

    await harness.store.commit(
        before.id, before.epoch, before.version, Change(None, 3, (DONE,), (attempt,), Usage(1, 20, 3))
    )
    after = await load_job(harness.store)

    changed = {"total": 3, "steps": (DONE,), "attempts": (attempt,), "usage": Usage(1, 20, 3)}
    times = {"version": after.version, "updated_at": after.updated_at, "expires_at": after.expires_at}
    assert replace(before, **changed, **times) == after


async def test_usage_adds_up_and_steps_replace_those_with_their_name(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    version, _ = await harness.store.commit(
        job.id,
        job.epoch,
        job.version,
        Change(steps=(RUNNING, Step("section:0", 1, title="Fall")), usage=Usage(1, 2, 3)),
    )

    await harness.store.commit(job.id, job.epoch, version, Change(steps=(RUNNING, DONE), usage=Usage(1, 20, 30)))

    after = await load_job(harness.store)
    assert (after.steps, after.usage) == ((DONE, Step("section:0", 1, title="Fall")), Usage(2, 22, 33))


async def test_a_commit_with_an_old_epoch_is_rejected(harness: JobStoreHarness) -> None:
    old = await begin_job(harness.store)
    await harness.store.begin(NEW_JOB.id)
    before = await load_job(harness.store)

    with pytest.raises(FencedError):
        await harness.store.commit(old.id, old.epoch, before.version, COMPLETED)

    assert await load_job(harness.store) == before


@pytest.mark.parametrize("change", [Change(steps=(DONE,), usage=Usage(1, 2, 3)), COMPLETED, Change(usage=Usage(1))])
async def test_a_commit_whose_answer_was_lost_is_applied_once(harness: JobStoreHarness, change: Change) -> None:
    job = await begin_job(harness.store)

    versions = [(await harness.store.commit(job.id, job.epoch, job.version, change)).version for _ in range(3)]

    assert versions == [(await load_job(harness.store)).version] * 3
    assert (await load_job(harness.store)).usage == change.usage


async def test_a_run_cannot_make_an_illegal_move(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    version, _ = await harness.store.commit(job.id, job.epoch, job.version, COMPLETED)

    with pytest.raises(FencedError):
        await harness.store.commit(job.id, job.epoch, version, Change(status=Status.FAILED))


async def test_each_version_has_one_event(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    attempt = Attempt("outline", 1, NOON, "no answer")
    change = Change(Status.COMPLETED, 2, (RUNNING, DONE), (attempt,), Usage(1))

    version, _ = await harness.store.commit(job.id, job.epoch, job.version, change)

    expected = [
        StatusChanged(Status.PENDING),
        StatusChanged(Status.PROCESSING),
        StepsPlanned(("outline",)),
        AttemptFailed(attempt),
        StepFinished("outline"),
        StatusChanged(Status.COMPLETED),
    ]
    assert {f"{at}-0": event for at, event in enumerate(expected, start=1)} == await harness.events(job.id)
    assert version == (await load_job(harness.store)).version == len(expected)


@pytest.mark.parametrize(("was", "wanted"), list(product(Status, Status)))
async def test_moves(harness: JobStoreHarness, was: Status, wanted: Status) -> None:
    before = await job_with_status(harness.store, was)
    move = harness.store.move(NEW_JOB.id, Change(status=wanted))

    if (was, wanted) in LEGAL:
        await move
        after = await load_job(harness.store)
        assert (after.status, after.version) == (wanted, before.version + 1)
    else:
        with pytest.raises(IllegalMoveError) as refused:
            await move
        assert (refused.value.status, refused.value.wanted) == (was, wanted)
        assert await load_job(harness.store) == before


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED])
async def test_a_move_fences_the_run_and_takes_the_job_off_the_queue(harness: JobStoreHarness, status: Status) -> None:
    job = await begin_job(harness.store)
    problem = Problem("poison", "It ended every worker.", "outline")

    await harness.store.move(job.id, Change(status=status, problem=problem))

    with pytest.raises(FencedError):
        await harness.store.commit(job.id, job.epoch, job.version, Change(steps=(DONE,)))
    assert ((await load_job(harness.store)).problem, await harness.queued()) == (problem, set())


async def test_a_retry_keeps_finished_steps_and_queues_the_job_again(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    failed = Change(Status.FAILED, 2, (DONE,), usage=Usage(1), problem=Problem("model-failed", "No."))
    await harness.store.commit(job.id, job.epoch, job.version, failed)

    await harness.store.move(job.id, Change(status=Status.PENDING))

    after = await load_job(harness.store)
    assert (after.status, after.total, after.steps, after.usage) == (Status.PENDING, 2, (DONE,), Usage(1))
    assert (after.problem, after.queued_at, await harness.queued()) == (None, after.updated_at, {job.id})
    assert after.created_at == job.created_at


async def test_an_erased_job_is_gone_and_its_run_is_fenced(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)

    await harness.store.erase(job.id)

    assert (await harness.store.load(job.id), await harness.queued(), await harness.events(job.id)) == (None, set(), {})
    with pytest.raises(FencedError):
        await harness.store.commit(job.id, job.epoch, job.version, COMPLETED)


CALLS: dict[str, Callable[[JobStore], Awaitable[object]]] = {
    "create": lambda store: store.create(NEW_JOB),
    "load": lambda store: store.load(NEW_JOB.id),
    "load_snapshot": lambda store: store.load_snapshot(NEW_JOB.kind, NEW_JOB.owner, NEW_JOB.id),
    "begin": lambda store: store.begin(NEW_JOB.id),
    "commit": lambda store: store.commit(NEW_JOB.id, 1, 1, COMPLETED),
    "move": lambda store: store.move(NEW_JOB.id, Change(status=Status.CANCELLED)),
    "erase": lambda store: store.erase(NEW_JOB.id),
    "list": lambda store: store.list(NEW_JOB.owner, NEW_JOB.kind, frozenset(Status), 1),
}


@pytest.mark.parametrize("method", CALLS)
async def test_every_method_fails_while_the_store_is_unavailable(harness: JobStoreHarness, method: str) -> None:
    with pytest.raises(StoreUnavailableError):
        await CALLS[method](harness.unreachable())


async def test_of_two_concurrent_epochs_only_the_newer_commits(harness: JobStoreHarness) -> None:
    old = await begin_job(harness.store)
    new = await harness.store.begin(NEW_JOB.id)
    assert new

    async def write(job: Job, name: str) -> int:
        version, landed = new.version, 0
        for at in range(25):
            try:
                version, _ = await harness.store.commit(
                    job.id, job.epoch, version, Change(steps=(Step(f"{name}:{at}", at),))
                )
                landed += 1
            except FencedError:
                pass
        return landed

    by_old, by_new = await asyncio.gather(write(old, "old"), write(new, "new"))

    assert (by_old, by_new) == (0, 25)
    names = [step.name for step in (await load_job(harness.store)).steps if step.name != "outline"]
    assert [f"new:{at}" for at in range(25)] == names


async def test_one_of_many_concurrent_runs_can_commit(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)

    runs = await asyncio.gather(*(harness.store.begin(NEW_JOB.id) for _ in range(10)))

    landed = 0
    for run in filter(None, runs):
        try:
            await harness.store.commit(NEW_JOB.id, run.epoch, run.version, Change(total=1))
            landed += 1
        except FencedError:
            pass
    assert landed == 1


async def test_when_a_cancellation_races_a_completion_exactly_one_wins(harness: JobStoreHarness) -> None:
    async def race(job_id: str) -> bool:
        job = await begin_job(harness.store, replace(NEW_JOB, id=job_id))
        cancelled, completed = await asyncio.gather(
            harness.store.move(job_id, Change(status=Status.CANCELLED)),
            harness.store.commit(job_id, job.epoch, job.version, COMPLETED),
            return_exceptions=True,
        )
        ended = (await load_job(harness.store, job_id)).status
        if ended is Status.CANCELLED:
            return cancelled is None and isinstance(completed, FencedError)
        return isinstance(cancelled, IllegalMoveError) and completed == Committed(job.version + 1, has_listeners=False)

    assert all(await asyncio.gather(*(race(f"job-{at}") for at in range(100))))


async def test_limits_are_stored_and_replaced(harness: JobStoreHarness) -> None:
    await harness.store.create(replace(NEW_JOB, limits=Limits(60.0, 1_000)))
    assert (await load_job(harness.store)).limits == Limits(60.0, 1_000)

    await harness.store.move(NEW_JOB.id, Change(status=Status.CANCELLED))
    assert (await load_job(harness.store)).limits == Limits(60.0, 1_000)

    await harness.store.move(NEW_JOB.id, Change(status=Status.PENDING, limits=Limits(tokens=2_000)))
    assert (await load_job(harness.store)).limits == Limits(tokens=2_000)


async def test_the_start_time_is_set_once_per_queueing(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)
    assert (await load_job(harness.store)).started_at is None

    first = await begin_job(harness.store)
    again = await harness.store.begin(NEW_JOB.id)

    assert again is not None
    assert first.started_at is not None
    assert again.started_at == first.started_at


async def test_the_estimate_has_the_position_and_the_pace_of_other_jobs(harness: JobStoreHarness) -> None:
    job = await begin_job(harness.store)
    await harness.store.commit(job.id, job.epoch, job.version, COMPLETED)
    await harness.store.erase(job.id)  # no worker is here to take its entry off the queue
    ids = ["first", "second"]
    for job_id in ids:
        await harness.store.create(replace(NEW_JOB, id=job_id))
    await harness.see_worker()

    estimates = [await load_estimate(harness.store, job_id) for job_id in ids]
    await harness.store.begin("first")

    assert [estimate.position for estimate in estimates] == [1, 2]
    assert all(estimate.seconds_left is not None for estimate in estimates)
    assert (await load_estimate(harness.store, "first")).position is None


async def test_a_run_ahead_of_the_record_is_fenced_and_the_job_queued_again(
    harness: JobStoreHarness,
) -> None:
    """A store that lost writes has lost steps that this run would not repeat."""
    job = await begin_job(harness.store)

    with pytest.raises(FencedError):
        await harness.store.commit(job.id, job.epoch, job.version + 1, COMPLETED)

    assert await harness.queued() == {job.id}
    again = await harness.store.begin(job.id)
    assert again is not None
    assert again.status is Status.PROCESSING
    assert again.epoch > job.epoch


async def test_ids_with_a_record_are_found(harness: JobStoreHarness) -> None:
    for job_id in ("first", "second", "erased"):
        await harness.store.create(replace(NEW_JOB, id=job_id))
    await harness.store.erase("erased")

    assert await harness.store.find_existing(["never", "second", "erased", "first"]) == {"first", "second"}
    assert await harness.store.find_existing([]) == set()
