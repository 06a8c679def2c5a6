"""The API as a process beside a fleet."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.chaos.fleet import Fleet
from tests.processes.process import Process
from tests.service.stack import API, _port_of
from tests.waiting import PATIENCE_S, until


@contextmanager
def api_of(fleet: Fleet) -> Iterator[httpx2.Client]:
    """Start `aether api` on the fleet's Redis and yield a client for it."""
    environment = fleet.environment | {"REDIS_URL": fleet.server.url}
    process = Process(API, environment, fleet.folder / "api.log")
    try:
        until(lambda: not process.running or _port_of(process.pid))
        assert process.running, process.tail()
        with httpx2.Client(base_url=f"http://127.0.0.1:{_port_of(process.pid)}", timeout=PATIENCE_S) as http:
            yield http
    finally:
        process.end(signal.SIGTERM)
