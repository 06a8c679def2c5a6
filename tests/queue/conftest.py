import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import fakeredis
import pytest
import pytest_socket
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Function
from redis.asyncio import Redis

from aether.leased_queue import LeasedWorker
from tests.processes.process import Process
from tests.queue.valkey import Valkey
from tests.waiting import PATIENCE_S, eventually

QUEUE = "arq:queue"
LEASE_S = 1.0
BEAT_S = 0.25
NO_POLLING_S = 10 * PATIENCE_S
"""A poll delay for tests of what must not wait for the next poll."""


Work = Callable[[dict[Any, Any]], Awaitable[object]]  # arq's own protocol also asks for *args and **kwargs


class Launch(Protocol):
    async def __call__(
        self, *functions: Work | Function, worker_class: type[LeasedWorker] = ..., **options: Any
    ) -> LeasedWorker: ...


Spawn = Callable[..., Process]


@pytest.fixture(autouse=True)
def _unix_sockets() -> None:
    """pytest-socket cannot allow unix sockets while it blocks outside hosts."""
    pytest_socket._remove_restrictions()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def client(valkey: Valkey) -> AsyncIterator[ArqRedis]:
    client = valkey.client()
    yield client
    await client.aclose(close_connection_pool=True)


@pytest.fixture(params=["fakeredis", "valkey"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    if request.param == "fakeredis":
        client: Redis = fakeredis.FakeAsyncRedis()
    else:
        valkey: Valkey = request.getfixturevalue("valkey")
        client = valkey.client()
        await client.config_set("appendonly", "no")  # saves the writes to disk
    yield client
    await client.aclose()


@pytest.fixture
async def launch(valkey: Valkey) -> AsyncIterator[Launch]:
    """Start workers in this process, with short leases."""
    running: list[tuple[LeasedWorker, asyncio.Task[None]]] = []

    async def launch(
        *functions: Work | Function, worker_class: type[LeasedWorker] = LeasedWorker, **options: Any
    ) -> LeasedWorker:
        defaults: dict[str, Any] = {
            "lease": timedelta(seconds=LEASE_S),
            "heartbeat_interval": timedelta(seconds=BEAT_S),
            "shutdown_grace": timedelta(0),
            "redis_settings": valkey.settings,
            "handle_signals": False,
            "keep_result": 0,
        }
        worker = worker_class(cast(Sequence[WorkerCoroutine | Function], functions), **(defaults | options))
        running.append((worker, asyncio.create_task(worker.async_run())))
        await eventually(lambda: worker._wakeup is not None and worker._wakeup._listening is not None)
        return worker

    yield launch
    for worker, task in running:
        await worker.close()
        await task


@pytest.fixture
def spawn(valkey: Valkey, tmp_path: Path) -> Iterator[Spawn]:
    """Start workers in processes of their own; see `worker_process.py` for their functions."""
    processes: list[Process] = []

    def spawn(**options: Any) -> Process:
        command = [sys.executable, "-m", "tests.queue.worker_process", valkey.socket, json.dumps(options)]
        process = Process(command, os.environ, tmp_path / f"worker-{len(processes)}.log")
        processes.append(process)
        return process

    yield spawn
    for process in processes:
        process.end(signal.SIGKILL)
