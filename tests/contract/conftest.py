"""Fixtures of the contract tests: each implementation of a port, in a harness of its own."""

import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from aether.adapters.local.embedded_valkey import find_valkey
from tests.contract.hub_harness import HubHarness, redis_hub_harness
from tests.contract.job_store_harness import JobStoreHarness, MemoryJobStoreHarness, RedisJobStoreHarness
from tests.fake_hub import MemoryHub
from tests.fakes import MemoryJobStore
from tests.waiting import until

_SERVERS = {"valkey", "valkey_client", "valkey_socket"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a real server, so that the others can be chosen."""
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "valkey" in parameters or not _SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("valkey")


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[Path]:
    """A real Valkey without persistence. Its directory has a short name, since a socket's path must not be long."""
    with tempfile.TemporaryDirectory(prefix="aether-test-") as folder:
        path = Path(folder) / "valkey.sock"
        flags = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", folder]
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
async def fakeredis_client() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis(server=FakeServer(server_type="valkey")) as client:
        yield client


@pytest.fixture(params=["fakeredis", "valkey"])
def redis_harness(request: pytest.FixtureRequest) -> RedisJobStoreHarness:
    """The Redis job store on each server, for promises that only this store makes."""
    return RedisJobStoreHarness(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def harness(request: pytest.FixtureRequest) -> JobStoreHarness:
    """Each job store, for promises that every store makes."""
    if request.param == "memory":
        return MemoryJobStoreHarness(MemoryJobStore(ttl=timedelta(hours=1)))
    return RedisJobStoreHarness(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "valkey"])
def hub_client(request: pytest.FixtureRequest) -> Redis | None:
    """The Redis client of the hub; None for the hub in memory."""
    client: Redis | None = request.getfixturevalue("valkey_client") if request.param == "valkey" else None
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
