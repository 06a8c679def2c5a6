"""A service for reports on three stacks: Aether, Litestar with SAQ, and Litestar with stock arq.

The peers are as the documentation of their stacks has them (`benchmarks/peer_saq.py`, `benchmarks/peer_arq.py`). They
do the same work: accept a topic, make one model call for the outline and then one for each of 8 sections at the same
time, and show progress and report. They have no keys, owners, limits, events or retries. The requests to Aether have a
key; no stack logs requests. A finished report has 8 kB of text; the running one is half finished. Whole reports are
submitted and polled, 10 at a time, with a model that answers at once. CPU is that of the API, and for whole reports
that of API and worker; Redis commands include those inside scripts. Each stack has a Redis of its own, reached by TCP.
Blocks alternate between the stacks, figures are medians, and each ratio is the median of the rounds' ratios. All
processes share the cores.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from benchmarks.api import ENDLESS_QUEUE
from benchmarks.peer_stack import POST, Stack, Used
from benchmarks.processes import ROOT, running, serving
from benchmarks.stores import connected
from benchmarks.tables import Table, median, note_of
from tests.processes.redis_server import RedisServer, free_port
from tests.scripted_model import Hang, ModelProcess, Rule, Setup

_PYTHON = ROOT / ".venv-benchmarks" / "bin" / "python"
_RUNNING = "A report that stays half finished"
_NEARLY_HALF = 3 / 9
"""The outline and 4 of 8 sections are 5 / 9, but concurrent updates of the progress may lose the last ones in SAQ."""

Block = Callable[[Stack], Awaitable[Used]]


class Row(NamedTuple):
    """One kind of work on one stack."""

    work: str
    stack: str
    per_s: float
    rate_to_saq: float
    cpu_ms: float
    redis_cpu_ms: float
    redis_commands: float


class Programs(NamedTuple):
    """The modules of a stack's API and worker with their arguments, and the Python that has their packages."""

    api: tuple[str, ...]
    worker: tuple[str, ...]
    python: str = sys.executable


_SAQ = "Litestar with SAQ"
_STACKS = {
    "Aether": Programs(("aether", "api"), ("aether", "worker")),
    _SAQ: Programs(
        ("benchmarks.peer_saq",), ("litestar", "--app", "benchmarks.peer_saq:app", "workers", "run"), str(_PYTHON)
    ),
    "Litestar with stock arq": Programs(("benchmarks.peer_arq",), ("arq", "benchmarks.peer_arq.WorkerSettings")),
}


async def measure(*, quick: bool = False) -> Table:
    """Alternate between the stacks, for several rounds of each kind of work; the first round warms up."""
    if not _PYTHON.exists():
        raise SystemExit("`make .venv-benchmarks/.python` installs Litestar with SAQ.")
    rounds, requests, reports = (2, 300, 10) if quick else (7, 2_000, 40)
    hanging = [Rule(kind="section", index=at, topic=_RUNNING, do=Hang()) for at in range(5, 9)]
    with ModelProcess(Setup(words=160), hanging) as model:
        rows = await _submit(model.base_url, rounds, requests)
        rows += await _poll_and_run(model.base_url, rounds, requests, reports)
    return Table("The same service on other stacks", note_of(__doc__), rows)


async def _submit(model_url: str, rounds: int, requests: int) -> list[Row]:
    """Measure POST while no worker runs."""
    async with AsyncExitStack() as opened:
        stacks = {name: await opened.enter_async_context(_open(each, model_url)) for name, each in _STACKS.items()}
        rows: list[Row] = []
        for name, connections in (("POST, 32 connections", 32), ("POST, one connection", 1)):
            block = partial(Stack.requests, count=requests, connections=connections, status=202, request=POST)
            rows += await _compare(name, stacks, rounds, block)
        return rows


async def _poll_and_run(model_url: str, rounds: int, requests: int, reports: int) -> list[Row]:
    async with AsyncExitStack() as opened:
        enter = opened.enter_async_context
        stacks = {name: await enter(_open(each, model_url, works=True)) for name, each in _STACKS.items()}
        finished = {stack: await stack.report() for stack in stacks.values()}
        begun = {stack: await stack.report(_RUNNING, _NEARLY_HALF) for stack in stacks.values()}

        def polls(jobs: Mapping[Stack, str], connections: int) -> Block:
            return lambda stack: stack.requests(requests, connections, 200, ("GET", f"/reports/{jobs[stack]}"))

        return [
            *await _compare("poll of a finished report", stacks, rounds, polls(finished, 32)),
            *await _compare("poll of a running report", stacks, rounds, polls(begun, 32)),
            *await _compare("a whole report", stacks, rounds, lambda stack: stack.reports(reports, at_once=10)),
        ]


async def _compare(work: str, stacks: Mapping[str, Stack], rounds: int, block: Block) -> list[Row]:
    taken: dict[str, list[Used]] = {name: [] for name in stacks}
    for _ in range(rounds):
        for name, stack in stacks.items():
            taken[name].append(await block(stack))
    measured = {name: its[1:] for name, its in taken.items()}
    return [_row(work, name, its, measured[_SAQ]) for name, its in measured.items()]


def _row(work: str, stack: str, taken: list[Used], saq: list[Used]) -> Row:
    per_s, *others = map(median, zip(*taken, strict=True))
    ratio = median([own.per_s / its.per_s for own, its in zip(taken, saq, strict=True)])
    return Row(work, stack, per_s, ratio, *others)


@contextmanager
def _redis() -> Iterator[RedisServer]:
    with (
        TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        RedisServer(Path(folder) / "redis", "--appendonly", "yes", port=free_port()) as server,
    ):
        yield server


@asynccontextmanager
async def _open(programs: Programs, model_url: str, *, works: bool = False) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as opened:
        url = opened.enter_context(_redis()).url
        client = await opened.enter_async_context(connected(url))
        _, secret = await ApiKeys(RedisApiKeyStore(client), SystemClock()).create("bench")
        env = {"REDIS_URL": url, "OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none", **ENDLESS_QUEUE}
        env["AETHER_LOG_LEVEL"] = "warning"
        processes = []
        if works:
            worker = running(*programs.worker, env=env, python=programs.python)
            processes = [await opened.enter_async_context(worker)]
        api, port = await opened.enter_async_context(serving(*programs.api, env=env, python=programs.python))
        yield Stack(client, [api, *processes], port, secret.reveal())
