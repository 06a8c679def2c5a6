"""How owners read their jobs: one look, at no more than is theirs and new."""

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


async def seen(store: JobStore, known: Revision | None = None) -> Snapshot | None:
    return await store.load_snapshot(NEW_JOB.kind, NEW_JOB.owner, NEW_JOB.id, known)


async def test_the_owner_sees_the_job_as_it_stands_and_its_place_in_the_queue(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)

    assert Snapshot(await load_job(harness.store), Estimate(position=1)) == await seen(harness.store)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_of_a_job_that_has_ended_nothing_is_to_come(harness: JobStoreHarness, status: Status) -> None:
    job = await job_with_status(harness.store, Status.PROCESSING)
    await harness.store.move(job.id, Change(status=status))

    assert Snapshot(await load_job(harness.store), Estimate()) == await seen(harness.store)


@pytest.mark.parametrize(
    ("kind", "owner", "job_id"),
    [
        (NEW_JOB.kind, "eve", NEW_JOB.id),
        (Kind.CHECKLIST, NEW_JOB.owner, NEW_JOB.id),
        (NEW_JOB.kind, NEW_JOB.owner, "other"),
    ],
    ids=["owner", "kind", "id"],
)
async def test_what_is_not_the_owners_is_unknown_even_to_whoever_knows_how_it_stands(
    harness: JobStoreHarness, kind: Kind, owner: str, job_id: str
) -> None:
    await harness.store.create(NEW_JOB)
    revision = Revision.of(await load_job(harness.store))

    for known in (None, revision):
        with pytest.raises(UnknownJobError):
            await harness.store.load_snapshot(kind, owner, job_id, known)


async def test_a_job_that_stands_as_it_is_known_is_not_told_again(harness: JobStoreHarness) -> None:
    await harness.store.create(NEW_JOB)

    assert await seen(harness.store, Revision.of(await load_job(harness.store))) is None


CHANGES: dict[str, Callable[[JobStore, Job], Awaitable[object]]] = {
    "commit": lambda store, job: store.commit(job.id, job.epoch, job.version, Change(steps=(OUTLINE,))),
    "move": lambda store, job: store.move(job.id, Change(status=Status.CANCELLED)),
    "begin": lambda store, job: store.begin(job.id),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_is_seen_by_whoever_knows_how_the_job_stood(harness: JobStoreHarness, change: str) -> None:
    job = await begin_job(harness.store)

    await CHANGES[change](harness.store, job)

    snapshot = await seen(harness.store, Revision.of(job))
    assert snapshot
    assert (await load_job(harness.store), 3) == (snapshot.job, snapshot.job.version)


async def test_a_version_that_was_made_at_another_time_is_another_state(harness: JobStoreHarness) -> None:
    """As after a restart of a store that had lost its last second."""
    await harness.store.create(NEW_JOB)
    job = await load_job(harness.store)

    earlier = Revision(job.version, job.updated_at - timedelta(milliseconds=1))

    assert await seen(harness.store, earlier) == await seen(harness.store)


@pytest.mark.parametrize("way", ["erased", "expired"])
async def test_a_job_that_is_gone_is_unknown_to_whoever_knew_it(harness: JobStoreHarness, way: str) -> None:
    job = await job_with_status(harness.store, Status.COMPLETED)

    await (harness.store.erase(job.id) if way == "erased" else harness.expire(job.id))

    with pytest.raises(UnknownJobError):
        await seen(harness.store, Revision.of(job))


async def _commands(client: Redis, look: Awaitable[object]) -> dict[str, int]:
    """Count what the server was asked for by a look that finds nothing."""
    await client.config_resetstat()
    with pytest.raises(UnknownJobError):
        await look
    return {name: stats["calls"] for name, stats in (await client.info("commandstats")).items()}


async def test_a_job_of_another_owner_is_as_little_read_as_one_that_never_was(valkey_client: Redis) -> None:
    """Else the time of the answer would tell them apart."""
    store = RedisJobStoreHarness(valkey_client).store
    await store.create(replace(NEW_JOB, input=b'{"topic":"' + b"x" * 100_000 + b'"}'))
    eves = NewJob("none", NEW_JOB.kind, "eve", b"{}")

    looks = [store.load_snapshot(eves.kind, eves.owner, job_id) for job_id in (eves.id, NEW_JOB.id, eves.id)]
    _, foreign, unknown = [await _commands(valkey_client, look) for look in looks]

    assert foreign == unknown
    assert "cmdstat_hgetall" not in foreign


async def test_a_look_is_one_round_trip(valkey_client: Redis) -> None:
    store = RedisJobStoreHarness(valkey_client).store
    await store.create(NEW_JOB)
    await seen(store)
    before = await valkey_client.info("commandstats")

    await seen(store)

    after = await valkey_client.info("commandstats")
    assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 1
    assert before["cmdstat_hgetall"]["calls"] + 1 == after["cmdstat_hgetall"]["calls"]
