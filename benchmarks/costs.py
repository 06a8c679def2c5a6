"""Costs of single parts: their CPU time, alone in one process, and the size of a report in the store.

A job here has 9 steps whose calls do nothing: first one, then eight at once. 20 jobs run at a time. The cost of a job
is divided by its number of steps, so it includes starting and ending the job. The model calls go to a model that
answers at once, 8 at a time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import aiohttp
import msgspec

from aether.adapters.redis.store import QueueSettings, RedisJobStore
from aether.bootstrap.models import chat_api, language_model
from aether.domain.job import Kind
from aether.durable.clock import SystemClock
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import JobStore, NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.settings import Secret, Settings
from aether.workflows.llm.ports import Message
from benchmarks.reports import SECTIONS, bench
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of
from tests.fakes import MemoryJobStore
from tests.scripted_model import ModelProcess, Setup

_PROMPT = "Write the section “II. Fall” of a report on the Roman Empire, in about 120 words. " * 8
_MESSAGES = (Message("system", "You write reports."), Message("user", _PROMPT))
_JOBS_AT_ONCE, _CALLS_AT_ONCE = 20, SECTIONS
Work = Callable[[], Awaitable[object]]


class Row(NamedTuple):
    """One part: its cost, or its size."""

    part: str
    value: float
    unit: str


async def measure(*, quick: bool = False) -> Table:
    """Alternate between the parts, for several rounds."""
    taken: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        model = stack.enter_context(ModelProcess(Setup(sections=SECTIONS)))
        parts = await _parts(stack, model.base_url)
        for _ in range(2 if quick else 9):
            for name, (work, pieces, at_once) in parts.items():
                taken.setdefault(name, []).append(await _cpu_ms(work, at_once, 200 if quick else 600) / pieces)
    rows = [Row(name, median(its[1:]), "ms of CPU") for name, its in taken.items()]
    return Table("Costs", note_of(__doc__), [*rows, Row("a finished report", await _stored_kib(), "KiB in the store")])


async def _parts(stack: AsyncExitStack, model_url: str) -> dict[str, tuple[Work, int, int]]:
    client = await stack.enter_async_context(connected(await stack.enter_async_context(valkey())))
    store = RedisJobStore(client, QueueSettings("costs", "none", 1_000_000), timedelta(hours=1))
    settings = Settings(openai_base_url=model_url, openai_api_key=Secret("none"))
    chat = language_model(settings, await stack.enter_async_context(chat_api(settings)))
    plain = await stack.enter_async_context(aiohttp.ClientSession())
    steps = SECTIONS + 1
    return {
        "durable step, store in memory": (partial(_perform, MemoryJobStore()), steps, _JOBS_AT_ONCE),
        "durable step, store in Valkey": (partial(_perform, store), steps, _JOBS_AT_ONCE),
        "model call through the openai client": (partial(chat.complete, _MESSAGES), 1, _CALLS_AT_ONCE),
        "the same with aiohttp alone": (partial(_post, plain, f"{model_url}/chat/completions"), 1, _CALLS_AT_ONCE),
    }


async def _cpu_ms(work: Work, at_once: int, times: int) -> float:
    """CPU time of this process for one of many, which are done some at a time."""
    left = iter(range(times))

    async def some() -> None:
        for _ in left:
            await work()

    since = time.process_time()
    await asyncio.gather(*(some() for _ in range(at_once)))
    return (time.process_time() - since) / times * 1000


_numbers = iter(range(1_000_000_000))


async def _perform(store: JobStore) -> None:
    clock = SystemClock()
    tools = RunDependencies(RetryPolicy(), ConcurrencyLimiter(1_000, clock), clock)
    job_id = f"job-{next(_numbers)}"
    await store.create(NewJob(job_id, Kind.REPORT, "", b"{}", ("outline",)))
    await Runner(store, {Kind.REPORT: Recipe(dict[str, str], _recipe)}, tools).perform(job_id)


async def _recipe(run: Run, _: Any) -> list[str]:
    await run.step("outline", partial(_nothing, 0), str)
    titles = [f"Section {at}" for at in range(SECTIONS)]
    return await run.fan_out("section", range(SECTIONS), _nothing, str, titles=titles)


async def _nothing(_: int) -> str:
    return "done"


async def _post(session: aiohttp.ClientSession, url: str) -> object:
    body = msgspec.json.encode({"model": "m", "messages": _MESSAGES})
    async with session.post(url, data=body, headers={"content-type": "application/json"}) as response:
        return msgspec.json.decode(await response.read())


async def _stored_kib() -> float:
    with ModelProcess(Setup(sections=SECTIONS)) as model:
        async with bench("leased", model.base_url, {}) as its:
            return await its.bytes_of_one() / 1024
