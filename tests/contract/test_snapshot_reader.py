"""Snapshot reader: owners read their own jobs, and only what has changed, in one round trip."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.domain.estimate import Estimate
from aether.domain.job import Change, Job, Kind, Status, Step, StepStatus
from aether.domain.snapshot import Revision, Snapshot
from aether.durable.ports import JobStore, NewJob
from aether.errors import UnknownJobError
from tests.contract.job_store_harness import (
    NEW_JOB,
    JobStoreHarness,
    RedisJobStoreHarness,
    begin_job,
    job_with_status,
    load_job,
)

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

OUTLINE = Step("outline", status=StepStatus.DONE)


async def load_snapshot(store: JobStore, known: Revision | None = None) -> Snapshot | None:
    return await store.load_snapshot(NEW_JOB.kind, NEW_JOB.owner, NEW_JOB.id, known)


async def test_the_owner_gets_the_job_and_its_position(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)
    await harness.see_worker()

    assert Snapshot(await load_job(harness.store), Estimate(position=1)) == await load_snapshot(harness.store)


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING])
async def test_a_job_for_which_no_worker_is_seen_lacks_one(harness: JobStoreHarness, status: Status) -> None:
    await job_with_status(harness.store, status)

    found = []
    for ago in (timedelta(minutes=1), timedelta(seconds=1)):
        await harness.see_worker(ago)
        snapshot = await load_snapshot(harness.store)
        assert snapshot
        found.append(snapshot.estimate.lacks_worker)

    assert found == [True, False]


async def test_a_running_job_that_is_read_again_is_as_it_is_now(harness: JobStoreHarness) -> None:
    """The second reading may need nothing but the estimate."""
    job = await begin_job(harness.store)
    await harness.see_worker(timedelta(minutes=1))
    await load_snapshot(harness.store)
    await harness.see_worker()
    again = await load_snapshot(harness.store)
    await harness.store.commit(job.id, job.epoch, job.version, Change(steps=(OUTLINE,)))
    changed = await load_snapshot(harness.store)
    with pytest.raises(UnknownJobError):
        await harness.store.load_snapshot(NEW_JOB.kind, "eve", NEW_JOB.id)

    assert again
    assert (again.job, again.estimate.lacks_worker) == (job, False)
    assert changed
    assert [step.name for step in changed.job.steps] == ["outline"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_an_ended_job_has_no_estimate(harness: JobStoreHarness, status: Status) -> None:
    job = await job_with_status(harness.store, Status.PROCESSING)
    await harness.store.move(job.id, Change(status=status))

    assert Snapshot(await load_job(harness.store), Estimate()) == await load_snapshot(harness.store)


@pytest.mark.parametrize(
    ("kind", "owner", "job_id"),
    [
        (NEW_JOB.kind, "eve", NEW_JOB.id),
        (Kind.CHECKLIST, NEW_JOB.owner, NEW_JOB.id),
        (NEW_JOB.kind, NEW_JOB.owner, "other"),
    ],
    ids=["owner", "kind", "id"],
)
async def test_another_owners_job_is_unknown_even_with_its_revision(
    harness: JobStoreHarness, kind: Kind, owner: str, job_id: str
) -> None:
    await harness.store.create(NEW_JOB)
    revision = Revision.of(await load_job(harness.store))

    for known in (None, revision):
        with pytest.raises(UnknownJobError):
            await harness.store.load_snapshot(kind, owner, job_id, known)


async def test_a_known_revision_is_not_read_again(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)

    assert await load_snapshot(harness.store, Revision.of(await load_job(harness.store))) is None


CHANGES: dict[str, Callable[[JobStore, Job], Awaitable[object]]] = {
    "commit": lambda store, job: store.commit(job.id, job.epoch, job.version, Change(steps=(OUTLINE,))),
    "move": lambda store, job: store.move(job.id, Change(status=Status.CANCELLED)),
    "begin": lambda store, job: store.begin(job.id),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_makes_a_new_revision(harness: JobStoreHarness, change: str) -> None:
    job = await begin_job(harness.store)

    await CHANGES[change](harness.store, job)

    snapshot = await load_snapshot(harness.store, Revision.of(job))
    assert snapshot
    assert (await load_job(harness.store), 3) == (snapshot.job, snapshot.job.version)


async def test_an_equal_version_with_another_time_is_another_revision(harness: JobStoreHarness) -> None:
    """A store that lost its last second uses versions again."""
    await harness.store.create(NEW_JOB)
    job = await load_job(harness.store)

    earlier = Revision(job.version, job.updated_at - timedelta(milliseconds=1))

    assert await load_snapshot(harness.store, earlier) == await load_snapshot(harness.store)


@pytest.mark.parametrize("way", ["erased", "expired"])
async def test_a_missing_job_is_unknown_even_with_a_revision(harness: JobStoreHarness, way: str) -> None:
    job = await job_with_status(harness.store, Status.COMPLETED)

    await (harness.store.erase(job.id) if way == "erased" else harness.expire(job.id))

    with pytest.raises(UnknownJobError):
        await load_snapshot(harness.store, Revision.of(job))


async def _commands(client: Redis, call: Awaitable[object]) -> dict[str, int]:
    """Count the commands of a call that finds nothing."""
    await client.config_resetstat()
    with pytest.raises(UnknownJobError):
        await call
    return {name: stats["calls"] for name, stats in (await client.info("commandstats")).items()}


async def test_a_job_of_another_owner_costs_as_much_as_a_missing_one(valkey_client: Redis) -> None:
    """Otherwise the time of the answer would tell them apart."""
    store = RedisJobStoreHarness(valkey_client).store
    await store.create(replace(NEW_JOB, input=b'{"topic":"' + b"x" * 100_000 + b'"}'))
    eves = NewJob("none", NEW_JOB.kind, "eve", b"{}")

    calls = [store.load_snapshot(eves.kind, eves.owner, job_id) for job_id in (eves.id, NEW_JOB.id, eves.id)]
    _, foreign, unknown = [await _commands(valkey_client, call) for call in calls]

    assert foreign == unknown
    assert "cmdstat_hgetall" not in foreign


async def test_a_snapshot_is_one_round_trip_which_brings_the_record_only_once(valkey_client: Redis) -> None:
    store = RedisJobStoreHarness(valkey_client).store
    await store.create(NEW_JOB)
    await load_snapshot(store)
    before = await valkey_client.info("commandstats")

    await load_snapshot(store)

    after = await valkey_client.info("commandstats")
    assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 1
    assert before["cmdstat_hgetall"]["calls"] == after["cmdstat_hgetall"]["calls"] == 1
