"""Fixtures of the contract tests: each implementation of a port, in a harness of its own."""

import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from aether.adapters.local.embedded_valkey import find_valkey
from aether.leased_queue.key_names import set_key_prefix
from tests.contract.hub_harness import HubHarness, redis_hub_harness
from tests.contract.job_store_harness import JobStoreHarness, MemoryJobStoreHarness, RedisJobStoreHarness
from tests.fake_hub import MemoryHub
from tests.fakes import MemoryJobStore
from tests.processes.redis_server import HOST, free_port
from tests.waiting import until

_SERVERS = {"valkey", "valkey_client", "valkey_socket", "cluster", "cluster_client"}
HASH_TAG = "{aether}:"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a real server, so that the others can be chosen."""
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if {"valkey", "cluster"} & {each for each in parameters if isinstance(each, str)} or not _SERVERS.isdisjoint(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker("valkey")


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[Path]:
    """A real Valkey."""
    with _valkey() as path:
        yield path


@pytest.fixture(scope="session")
def cluster_socket() -> Iterator[Path]:
    """A real Valkey that is a cluster of one node."""
    flags = ["--cluster-enabled", "yes", "--bind", HOST, "--cluster-port", str(free_port())]
    with _valkey(*flags) as path, BlockingRedis(unix_socket_path=str(path)) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        yield path


@contextmanager
def _valkey(*options: str) -> Iterator[Path]:
    """Run a server without persistence. Its directory has a short name, since a socket's path must not be long."""
    with tempfile.TemporaryDirectory(prefix="aether-test-") as folder:
        path = Path(folder) / "valkey.sock"
        place = ["--port", "0", "--unixsocket", str(path), "--dir", folder]
        flags = [*place, "--save", "", "--appendonly", "no", *options]
        with subprocess.Popen([find_valkey(), *flags], stdout=subprocess.DEVNULL) as server:
            try:
                until(lambda: _listens(path) or server.poll() is not None)
                yield path
            finally:
                server.kill()


def _listens(path: Path) -> bool:
    """Whether it accepts connections: the socket file exists a moment earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@pytest.fixture
async def valkey_client(valkey_socket: Path) -> AsyncIterator[Redis]:
    """A client of the real Valkey, emptied."""
    async with Redis(unix_socket_path=str(valkey_socket)) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def cluster_client(cluster_socket: Path) -> AsyncIterator[Redis]:
    """A client of the cluster, emptied, whose names have a hash tag."""
    async with Redis(unix_socket_path=str(cluster_socket)) as client:
        set_key_prefix(client, HASH_TAG)
        await client.flushall()
        yield client


@pytest.fixture
async def fakeredis_client() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis(server=FakeServer(server_type="valkey")) as client:
        yield client


@pytest.fixture(params=["fakeredis", "valkey"])
def redis_harness(request: pytest.FixtureRequest) -> RedisJobStoreHarness:
    """The Redis job store on each server, for promises that only this store makes."""
    return RedisJobStoreHarness(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def harness(request: pytest.FixtureRequest) -> JobStoreHarness:
    """Each job store, for promises that every store makes."""
    if request.param == "memory":
        return MemoryJobStoreHarness(MemoryJobStore(ttl=timedelta(hours=1)))
    return RedisJobStoreHarness(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "valkey", "cluster"])
def hub_client(request: pytest.FixtureRequest) -> Redis | None:
    """The Redis client of the hub; None for the hub in memory."""
    if request.param == "memory":
        return None
    client: Redis = request.getfixturevalue(f"{request.param}_client")
    return client


@pytest.fixture
async def hub_harness(hub_client: Redis | None) -> AsyncIterator[HubHarness]:
    """Each hub, for promises that every hub makes."""
    if hub_client is None:
        store = MemoryJobStore()
        hub = MemoryHub(store)
        yield HubHarness(store, hub, hub.publish)
    else:
        async with redis_hub_harness(hub_client) as redis_harness:
            yield redis_harness
