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
from tests.contract.benches import NEW, Bench, RedisBench, begun, brought_to, loaded

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.

OUTLINE = Step("outline", status=StepStatus.DONE)


async def seen(store: JobStore, known: Revision | None = None) -> Snapshot | None:
    return await store.look(NEW.kind, NEW.owner, NEW.id, known)


async def test_the_owner_sees_the_job_as_it_stands_and_its_place_in_the_queue(bench: Bench) -> None:
    await bench.store.create(NEW)

    assert Snapshot(await loaded(bench.store), Estimate(position=1)) == await seen(bench.store)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_of_a_job_that_has_ended_nothing_is_to_come(bench: Bench, status: Status) -> None:
    job = await brought_to(bench.store, Status.PROCESSING)
    await bench.store.move(job.id, Change(status=status))

    assert Snapshot(await loaded(bench.store), Estimate()) == await seen(bench.store)


@pytest.mark.parametrize(
    ("kind", "owner", "job_id"),
    [(NEW.kind, "eve", NEW.id), (Kind.CHECKLIST, NEW.owner, NEW.id), (NEW.kind, NEW.owner, "other")],
    ids=["owner", "kind", "id"],
)
async def test_what_is_not_the_owners_is_unknown_even_to_whoever_knows_how_it_stands(
    bench: Bench, kind: Kind, owner: str, job_id: str
) -> None:
    await bench.store.create(NEW)
    revision = Revision.of(await loaded(bench.store))

    for known in (None, revision):
        with pytest.raises(UnknownJobError):
            await bench.store.look(kind, owner, job_id, known)


async def test_a_job_that_stands_as_it_is_known_is_not_told_again(bench: Bench) -> None:
    await bench.store.create(NEW)

    assert await seen(bench.store, Revision.of(await loaded(bench.store))) is None


CHANGES: dict[str, Callable[[JobStore, Job], Awaitable[object]]] = {
    "commit": lambda store, job: store.commit(job.id, job.epoch, job.version, Change(steps=(OUTLINE,))),
    "move": lambda store, job: store.move(job.id, Change(status=Status.CANCELLED)),
    "begin": lambda store, job: store.begin(job.id),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_is_seen_by_whoever_knows_how_the_job_stood(bench: Bench, change: str) -> None:
    job = await begun(bench.store)

    await CHANGES[change](bench.store, job)

    snapshot = await seen(bench.store, Revision.of(job))
    assert snapshot
    assert (await loaded(bench.store), 3) == (snapshot.job, snapshot.job.version)


async def test_a_version_that_was_made_at_another_time_is_another_state(bench: Bench) -> None:
    """As after a restart of a store that had lost its last second."""
    await bench.store.create(NEW)
    job = await loaded(bench.store)

    earlier = Revision(job.version, job.updated_at - timedelta(milliseconds=1))

    assert await seen(bench.store, earlier) == await seen(bench.store)


@pytest.mark.parametrize("way", ["erased", "expired"])
async def test_a_job_that_is_gone_is_unknown_to_whoever_knew_it(bench: Bench, way: str) -> None:
    job = await brought_to(bench.store, Status.COMPLETED)

    await (bench.store.erase(job.id) if way == "erased" else bench.expire(job.id))

    with pytest.raises(UnknownJobError):
        await seen(bench.store, Revision.of(job))


async def _commands(client: Redis, look: Awaitable[object]) -> dict[str, int]:
    """Count what the server was asked for by a look that finds nothing."""
    await client.config_resetstat()
    with pytest.raises(UnknownJobError):
        await look
    return {name: stats["calls"] for name, stats in (await client.info("commandstats")).items()}


async def test_a_job_of_another_owner_is_as_little_read_as_one_that_never_was(valkey_client: Redis) -> None:
    """Else the time of the answer would tell them apart."""
    store = RedisBench(valkey_client).store
    await store.create(replace(NEW, input=b'{"topic":"' + b"x" * 100_000 + b'"}'))
    eves = NewJob("none", NEW.kind, "eve", b"{}")

    looks = [store.look(eves.kind, eves.owner, job_id) for job_id in (eves.id, NEW.id, eves.id)]
    _, foreign, unknown = [await _commands(valkey_client, look) for look in looks]

    assert foreign == unknown
    assert "cmdstat_hgetall" not in foreign


async def test_a_look_is_one_round_trip(valkey_client: Redis) -> None:
    store = RedisBench(valkey_client).store
    await store.create(NEW)
    await seen(store)
    before = await valkey_client.info("commandstats")

    await seen(store)

    after = await valkey_client.info("commandstats")
    assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 1
    assert before["cmdstat_hgetall"]["calls"] + 1 == after["cmdstat_hgetall"]["calls"]
