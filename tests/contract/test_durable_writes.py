"""With AETHER_DURABLE a job is created only when it is on the disk or on a replica; otherwise it is withdrawn."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
import pytest_socket
from redis.asyncio import Redis

from aether.adapters.redis.pipelining import PipeliningRedis
from aether.adapters.redis.readiness import ReadinessProbe
from aether.adapters.redis.server_check import ServerReport
from aether.adapters.redis.store import RedisJobStore
from aether.bootstrap.server_check import check_server
from aether.bootstrap.storage import job_store, redis_client
from aether.domain.idempotency import Idempotency
from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.errors import ConfigurationError, IdempotencyKeyReusedError, NotDurableError, StoreUnavailableError
from aether.leased_queue.keys import JOB
from aether.settings import Secret, Settings
from tests.contract.job_store_harness import NEW_JOB, QUEUE
from tests.processes.redis_server import HOST, RedisServer, free_port
from tests.waiting import eventually, until

pytestmark = pytest.mark.valkey

AOF = ("--appendonly", "yes", "--appendfsync", "everysec")
WITHDRAWN = "Within 2 s a replica of Redis did not confirm the job. It was withdrawn."
MAY_RUN = (
    "Within 2 s a replica of Redis did not confirm the job. It may run all the same: the same request with the same "
    "Idempotency-Key finds it."
)


class Pair(NamedTuple):
    primary: RedisServer
    replica: RedisServer


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pytest_socket._remove_restrictions()
    fast = ("--repl-diskless-sync-delay", "0")
    primary = RedisServer(tmp_path / "a", *AOF, *fast, port=free_port())
    replica = RedisServer(tmp_path / "b", *AOF, *fast, port=free_port())
    with primary, replica:
        replica.client.replicaof(HOST, primary.port)
        until(lambda: replica.client.info("replication")["master_link_status"] == "up")
        yield Pair(primary, replica)


@asynccontextmanager
async def opened(url: str, durable: Literal["local", "replica"]) -> AsyncIterator[tuple[Redis, RedisJobStore]]:
    settings = Settings(redis_url=Secret(url), durable=durable)
    async with redis_client(settings, PipeliningRedis) as client:
        yield client, job_store(client, settings)


def keyed(job_id: str, fingerprint: str = "f") -> NewJob:
    return NewJob(job_id, Kind.REPORT, "ada", b"{}", idempotency=Idempotency("key", fingerprint))


def many(count: int) -> list[NewJob]:
    return [NewJob(f"job-{at}", Kind.REPORT, "ada", b"{}") for at in range(count)]


async def test_a_created_job_is_on_the_replica(pair: Pair) -> None:
    async with opened(pair.primary.url, "replica") as (_, store):
        for job in many(20):
            await store.create(job)
            assert pair.replica.client.exists(JOB + job.id) == 1


async def test_a_created_job_is_on_the_disk(pair: Pair) -> None:
    pair.primary.set(appendfsync="always")
    async with opened(pair.primary.url, "local") as (_, store):
        await store.create(NEW_JOB)
        synced = sum(path.read_bytes().count(NEW_JOB.id.encode()) for path in pair.primary.folder.rglob("*.aof"))
        waits = pair.primary.client.info("commandstats")["cmdstat_waitaof"]["calls"]

    assert (synced > 0, waits) == (True, 2)  # the first batch has to send its script


async def test_without_a_replica_a_job_is_withdrawn_whole(pair: Pair) -> None:
    pair.replica.end()
    async with opened(pair.primary.url, "replica") as (client, store):
        with pytest.raises(NotDurableError) as caught:
            await store.create(keyed("a"))

        assert (str(caught.value), caught.value.may_run, caught.value.retry_after) == (WITHDRAWN, False, 2.0)
        assert (await store.load("a"), await client.zcard(QUEUE)) == (None, 0)
        assert set(await client.keys("aether:*")) <= {b"aether:ready", QUEUE.encode() + b":bell"}


async def test_a_replica_that_hangs_is_no_replica(pair: Pair) -> None:
    pair.replica.process.signal(signal.SIGSTOP)
    async with opened(pair.primary.url, "replica") as (_, store):
        with pytest.raises(NotDurableError, match="It was withdrawn"):
            await store.create(NEW_JOB)
        pair.replica.process.signal(signal.SIGCONT)

        assert await store.create(NEW_JOB) == NEW_JOB.id


async def test_a_job_that_cannot_be_withdrawn_may_run_and_its_key_finds_it(pair: Pair) -> None:
    async with opened(pair.primary.url, "replica") as (_, store):
        await store.create(keyed("warm up"))
        await store.erase("warm up")
        pair.replica.process.signal(signal.SIGSTOP)
        creating = asyncio.ensure_future(store.create(keyed("a")))
        await eventually(lambda: pair.primary.client.exists(JOB + "a"))
        pair.primary.process.signal(signal.SIGSTOP)
        with pytest.raises(NotDurableError) as caught:
            await creating
        assert (str(caught.value), caught.value.may_run) == (MAY_RUN, True)

        for server in pair:
            server.process.signal(signal.SIGCONT)
        assert await store.create(keyed("b")) == "a"


async def test_a_repeated_request_waits_for_the_first_ones_job_and_does_not_withdraw_it(pair: Pair) -> None:
    async with opened(pair.primary.url, "replica") as (_, store):
        await store.create(keyed("a"))
        pair.replica.process.signal(signal.SIGSTOP)
        with pytest.raises(NotDurableError, match="It may run all the same"):
            await store.create(keyed("b"))
        with pytest.raises(IdempotencyKeyReusedError):
            await store.create(keyed("c", "another request"))

        assert (await store.load("a") is not None, await store.load("b")) == (True, None)


async def test_a_server_that_is_away_is_no_question_of_durability(pair: Pair) -> None:
    pair.primary.end()
    async with opened(pair.primary.url, "replica") as (_, store):
        with pytest.raises(StoreUnavailableError):
            await store.create(NEW_JOB)


async def test_a_full_server_is_none_either(pair: Pair) -> None:
    pair.primary.set(maxmemory=1)
    async with opened(pair.primary.url, "replica") as (_, store):
        with pytest.raises(StoreUnavailableError, match="Redis is full"):
            await store.create(NEW_JOB)


@pytest.mark.parametrize("durable", ["local", "replica"])
async def test_many_jobs_share_a_wait(pair: Pair, durable: Literal["local", "replica"]) -> None:
    jobs = many(300)
    async with opened(pair.primary.url, durable) as (_, store):
        await store.create(NEW_JOB)
        pair.primary.client.config_resetstat()
        assert await asyncio.gather(*map(store.create, jobs)) == [job.id for job in jobs]

    statistics = pair.primary.client.info("commandstats")
    waits = statistics.get("cmdstat_waitaof") or statistics["cmdstat_wait"]
    assert waits["calls"] <= 10


async def test_readiness_tells_that_no_replica_is_there(pair: Pair) -> None:
    async with opened(pair.primary.url, "replica") as (client, _):
        probe = ReadinessProbe(client, allow_eviction=False, durable="replica")
        assert await probe() == "no worker was seen lately"
        pair.replica.end()
        await eventually(lambda: pair.primary.client.info("replication")["connected_slaves"] == 0)
        probe = ReadinessProbe(client, allow_eviction=False, durable="replica")

        assert await probe() == "AETHER_DURABLE is replica, and no replica is connected to Redis"


async def test_the_server_is_asked_for_its_appendfsync(pair: Pair) -> None:
    settings = Settings(redis_url=Secret(pair.primary.url), durable="local")
    with pytest.raises(ConfigurationError, match="set its appendfsync to always"):
        await check_server(settings)
    pair.primary.set(appendfsync="always")

    await check_server(settings)


@pytest.mark.parametrize(
    ("info", "fsync", "why"),
    [
        (
            {"redis_version": "7.0.15", "aof_enabled": 1},
            "always",
            "AETHER_DURABLE is local, which needs Redis 7.2 or newer",
        ),
        (
            {"redis_version": "7.2.0", "aof_enabled": 0},
            "always",
            "AETHER_DURABLE is local, and Redis has no append-only file; set its appendonly to yes",
        ),
        ({"redis_version": "8.2.3", "aof_enabled": 1}, "everysec", None),
        (
            {"redis_version": "7.2.4", "valkey_version": "9.1.2", "aof_enabled": 1},
            "everysec",
            (
                "AETHER_DURABLE is local, and Valkey may confirm a job before its disk has it; "
                "set its appendfsync to always"
            ),
        ),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2", "aof_enabled": 1}, "always", None),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2", "aof_enabled": 1}, None, None),
    ],
)
def test_a_server_that_cannot_wait_for_its_disk_is_refused(
    info: dict[str, object], fsync: str | None, why: str | None
) -> None:
    report = ServerReport.parse(info, fsync)

    assert report.refusal(allow_eviction=False, durable="local") == why
    assert report.refusal(allow_eviction=False, durable="replica") is None
