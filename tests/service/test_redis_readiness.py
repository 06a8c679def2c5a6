"""Readiness tells, by a write, whether jobs are accepted, and what is wrong with Redis if not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_socket
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from aether.adapters.redis.keys import READY, READY_MS
from aether.adapters.redis.pipelining import PipeliningRedis
from aether.adapters.redis.readiness import ReadinessProbe
from aether.adapters.redis.worker_registry import announce_worker, count_workers
from aether.bootstrap.storage import redis_client
from aether.settings import Secret, Settings
from tests.processes.redis_server import RedisServer
from tests.waiting import eventually


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that cannot save: where its file should be, there is a folder."""
    pytest_socket._remove_restrictions()
    with RedisServer(tmp_path / "redis", "--dbfilename", "taken", "--stop-writes-on-bgsave-error", "yes") as running:
        (running.folder / "taken").mkdir()
        yield running


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    async with redis_client(Settings(redis_url=Secret(server.url)), PipeliningRedis) as opened:
        yield opened


@pytest.fixture
async def _worker(client: Redis) -> AsyncIterator[None]:
    announcing = asyncio.create_task(announce_worker(client, "w"))
    await eventually(lambda: count_workers(client))
    yield
    announcing.cancel()


async def probe(client: Redis, *, allow_eviction: bool = False) -> str | None:
    return await ReadinessProbe(client, allow_eviction=allow_eviction)()


async def test_without_a_worker_it_is_not_ready(client: Redis) -> None:
    assert await probe(client) == "no worker was seen lately"


@pytest.mark.usefixtures("_worker")
async def test_it_is_ready_and_its_write_expires(client: Redis) -> None:
    assert await probe(client) is None
    assert 0 < await client.pttl(READY) <= READY_MS


@pytest.mark.usefixtures("_worker")
async def test_a_full_redis_is_named_and_is_ready_again_when_there_is_room(server: RedisServer, client: Redis) -> None:
    server.set(maxmemory=1)
    assert await probe(client) == "Redis is full"

    server.set(maxmemory=0)
    assert await probe(client) is None


@pytest.mark.usefixtures("_worker")
async def test_a_full_disk_is_named(server: RedisServer, client: Redis) -> None:
    server.set(save="3600 1")
    server.client.bgsave()
    await eventually(lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err")
    assert await probe(client) == "Redis cannot write to its disk"

    server.set(save="")
    assert await probe(client) is None


@pytest.mark.usefixtures("_worker")
async def test_a_replica_is_named(server: RedisServer, client: Redis) -> None:
    server.client.replicaof("127.0.0.1", "1")
    assert await probe(client) == "Redis is a read-only replica"

    server.client.replicaof("NO", "ONE")
    assert await probe(client) is None


@pytest.mark.usefixtures("_worker")
async def test_too_few_replicas_are_named(server: RedisServer, client: Redis) -> None:
    server.set(min_replicas_to_write=1)

    assert await probe(client) == "Redis has too few replicas"


@pytest.mark.usefixtures("_worker")
async def test_a_policy_that_was_changed_while_everything_runs_is_named(server: RedisServer, client: Redis) -> None:
    server.set(maxmemory_policy="allkeys-lru")

    said = await probe(client)
    assert said is not None
    assert said.startswith("Redis may delete jobs that it has accepted: its maxmemory-policy is allkeys-lru")
    assert await probe(client, allow_eviction=True) is None


@pytest.mark.usefixtures("_worker")
async def test_where_info_is_not_allowed_the_write_is_what_counts(server: RedisServer, client: Redis) -> None:
    server.client.execute_command("ACL", "SETUSER", "default", "-info")
    with pytest.raises(ResponseError, match="permission"):
        server.client.info()

    assert await probe(client) is None


@pytest.mark.usefixtures("_worker")
async def test_a_server_that_ends_is_named(server: RedisServer, client: Redis) -> None:
    server.end()

    assert await probe(client) == "Redis does not answer"


@pytest.mark.usefixtures("_worker")
async def test_many_probes_cost_one_write_each_second(server: RedisServer, client: Redis) -> None:
    clock = SetClock()
    probe = ReadinessProbe(client, allow_eviction=False, clock=clock)
    server.client.config_resetstat()

    assert await asyncio.gather(*(probe() for _ in range(50))) == [None] * 50
    clock.now = 0.9
    server.set(maxmemory=1)
    assert await probe() is None
    assert server.client.info("commandstats")["cmdstat_set"]["calls"] == 1
    clock.now = 1.0
    assert await probe() == "Redis is full"
