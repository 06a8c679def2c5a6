"""Every implementation of a port, each on its own bench."""

import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from aether.adapters.local.embedded_valkey import find_valkey
from tests.contract.benches import Bench, MemoryBench, RedisBench
from tests.contract.hubs import ServerConnection, redis_place
from tests.fake_hub import MemoryHub
from tests.fakes import MemoryJobStore


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[Path]:
    """A real Valkey that keeps nothing on disk; its folder is short, since the path of a socket may not be long."""
    with tempfile.TemporaryDirectory(prefix="aether-test-") as folder:
        path = Path(folder) / "valkey.sock"
        flags = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no", "--dir", folder]
        with subprocess.Popen([find_valkey(), *flags], stdout=subprocess.DEVNULL) as server:
            try:
                give_up_at = time.monotonic() + 10
                while not _listens(path) and server.poll() is None and time.monotonic() < give_up_at:
                    time.sleep(0.01)
                yield path
            finally:
                server.kill()


def _listens(path: Path) -> bool:
    """A socket is there a moment before anybody listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


@pytest.fixture
async def valkey_client(valkey_socket: Path) -> AsyncIterator[Redis]:
    """A client of the real Valkey, which is empty."""
    async with Redis(unix_socket_path=str(valkey_socket)) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def fakeredis_client() -> AsyncIterator[Redis]:
    async with FakeAsyncRedis(server=FakeServer(server_type="valkey")) as client:
        yield client


@pytest.fixture(params=["fakeredis", "valkey"])
def redis_bench(request: pytest.FixtureRequest) -> RedisBench:
    """What only a store on Redis promises, on each server."""
    return RedisBench(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """What every store promises, on each store."""
    if request.param == "memory":
        return MemoryBench(MemoryJobStore(ttl=timedelta(hours=1)))
    return RedisBench(request.getfixturevalue(f"{request.param}_client"))


@pytest.fixture(params=["memory", "valkey"])
def server(request: pytest.FixtureRequest) -> Redis | None:
    """A client of the server, if the place has one."""
    client: Redis | None = request.getfixturevalue("valkey_client") if request.param == "valkey" else None
    return client


@pytest.fixture
async def place(server: Redis | None) -> AsyncIterator[ServerConnection]:
    """What every hub promises, on each."""
    if server is None:
        store = MemoryJobStore()
        hub = MemoryHub(store)
        yield ServerConnection(store, hub, hub.publish)
    else:
        async with redis_place(server) as on_server:
            yield on_server
