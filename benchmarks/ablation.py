"""CPU of one API process for each request, with and without a part that exists for speed only.

Two processes answer the same requests over 32 connections that stay open, in short blocks that alternate between them.
A ratio is the median over the pairs of blocks, so that other load on the machine changes it little. "Nothing" removes
nothing: its rows show how exact the others are.
"""

from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.bootstrap.storage import job_store
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from aether.settings import Settings
from benchmarks.api import ENDLESS_QUEUE, SECTIONS, store_report, write_request
from benchmarks.api_load import Connection, open_connections, send_requests
from benchmarks.processes import Child, serving
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of

_PARTS = ("nothing", "response cache")
_CONNECTIONS = 32
_BLOCK = 100  # requests
_WARM_UP = 10  # pairs


class Row(NamedTuple):
    """One part and one kind of request."""

    removed: str
    request: str
    cpu_us_with: float
    cpu_us_without: float
    without_to_with: float


class Server(NamedTuple):
    """An API process and the connections to it."""

    process: Child
    connections: list[Connection]

    async def cpu_us(self, status: str, request: bytes) -> float:
        """Return the CPU time for each request of a block."""
        used = self.process.cpu_s()
        await send_requests(self.connections, _BLOCK, status, request)
        return (self.process.cpu_s() - used) / _BLOCK * 1e6


async def measure(*, quick: bool = False) -> Table:
    """Compare the API without each part with the whole one."""
    rows = [row for part in _PARTS for row in await _compare(part, pairs=20 if quick else 200)]
    return Table("What parts of the API process buy", note_of(__doc__), rows)


async def _compare(part: str, pairs: int) -> list[Row]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(valkey())
        requests = await _requests(stack, url)
        whole, ablated = await _open(stack, url, "nothing"), await _open(stack, url, part)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in requests}
        for pair in range(_WARM_UP + pairs):
            for name, request in requests.items():
                costs = await _pair(whole, ablated, *request) if pair % 2 else await _pair(ablated, whole, *request)
                if pair >= _WARM_UP:
                    taken[name].append(costs if pair % 2 else costs[::-1])
        for server in (whole, ablated):
            for connection in server.connections:
                connection.close()
    return [_row(part, name, its) for name, its in taken.items()]


async def _pair(first: Server, second: Server, status: str, request: bytes) -> tuple[float, float]:
    return await first.cpu_us(status, request), await second.cpu_us(status, request)


def _row(part: str, request: str, taken: list[tuple[float, float]]) -> Row:
    whole, ablated = zip(*taken, strict=True)
    ratio = median([without / with_it for with_it, without in taken])
    return Row(part, request, median(whole), median(ablated), ratio)


async def _open(stack: AsyncExitStack, url: str, part: str) -> Server:
    env = {"REDIS_URL": url, **ENDLESS_QUEUE}
    process, port = await stack.enter_async_context(serving("benchmarks.api_ablated", part, "api", env=env))
    return Server(process, await open_connections(port, _CONNECTIONS))


async def _requests(stack: AsyncExitStack, url: str) -> dict[str, tuple[str, bytes]]:
    """Return the expected status and the text of each kind of request."""
    client = await stack.enter_async_context(connected(url))
    key, secret = await ApiKeys(RedisApiKeyStore(client), SystemClock()).create("bench")
    store = job_store(client, Settings())
    done, begun = [await store_report(store, key.owner, sections) for sections in (SECTIONS, SECTIONS // 2)]
    write = partial(write_request, secret.reveal())
    texts = {
        "POST /reports": ("202", write("POST", "/reports", body='{"topic":"The Roman Empire"}')),
        "poll of a finished report": ("200", write("GET", f"/reports/{done}")),
        "the same, not modified": ("304", write("GET", f"/reports/{done}", known="*")),
        "poll of a running report": ("200", write("GET", f"/reports/{begun}")),
        "/health/live": ("200", write("GET", "/health/live")),
    }
    return {name: (status, text.encode()) for name, (status, text) in texts.items()}
