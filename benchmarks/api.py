"""CPU time of one API process per request, with 32 connections, compared with a minimal Litestar handler.

The bare handler answers with 100 bytes that it reads from Redis with redis-py, without authentication, logs or
anything else. All other requests have a key, and the API logs them. The finished report has 12 kB of JSON; the running
report is half finished. Rounds alternate between the rows, and each ratio is relative to the bare handler of the same
run. Both servers, their Valkey and the clients share the cores.
"""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import msgspec

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.bootstrap.storage import job_store
from aether.domain.job import Change, Kind, Status, Step, StepStatus, Usage
from aether.domain.report import Outline, OutlineItem, Section
from aether.durable.clock import SystemClock
from aether.durable.ports import JobStore, NewJob
from aether.identity.api_keys import ApiKeys
from aether.settings import Settings
from benchmarks.api_bare import KEY
from benchmarks.processes import Child, running, serving
from benchmarks.stores import connected, valkey
from benchmarks.tables import Table, median, note_of

_CONNECTIONS = 32
SECTIONS = 8
_TEXT = Section("All roads lead to Rome, and some of them are paved. " * 25)
ENDLESS_QUEUE = {"AETHER_MAX_QUEUE": "100000000"}


class Row(NamedTuple):
    """One kind of request."""

    request: str
    cpu_ms: float
    requests_per_s: float
    cpu_to_bare: float
    rate_to_bare: float


class Asked(NamedTuple):
    """A request, to one of the servers, and the status of its answer."""

    server: Child
    port: int
    status: int
    request: str


class Taken(NamedTuple):
    """What a round took: the server's CPU for each request, and how many requests a second it answered."""

    cpu_ms: float
    rate: float


async def measure(*, quick: bool = False) -> Table:
    """Alternate between the kinds of request, for several rounds; the first warms up."""
    rounds, requests = (2, 1_000) if quick else (8, 6_000)
    taken: dict[str, list[Taken]] = {}
    async with AsyncExitStack() as stack:
        kinds = await _kinds(stack)
        for _ in range(rounds):
            for name, asked in kinds.items():
                taken.setdefault(name, []).append(await _ask(asked, requests))
    return Table("One API process", note_of(__doc__), _rows({name: its[1:] for name, its in taken.items()}))


def _rows(taken: dict[str, list[Taken]]) -> list[Row]:
    typical = {name: Taken(*map(median, zip(*its, strict=True))) for name, its in taken.items()}
    bare = next(iter(typical.values()))
    return [Row(name, *its, its.cpu_ms / bare.cpu_ms, its.rate / bare.rate) for name, its in typical.items()]


async def _kinds(stack: AsyncExitStack) -> dict[str, Asked]:
    url = await stack.enter_async_context(valkey())
    client = await stack.enter_async_context(connected(url))
    await client.set(KEY, "x" * 100)
    key, secret = await ApiKeys(RedisApiKeyStore(client), SystemClock()).create("bench")
    store = job_store(client, Settings())
    done, begun = await store_report(store, key.owner, SECTIONS), await store_report(store, key.owner, SECTIONS // 2)
    bare = await stack.enter_async_context(serving("benchmarks.api_bare", url))
    api = await stack.enter_async_context(serving("aether", "api", env={"REDIS_URL": url, **ENDLESS_QUEUE}))
    asked = partial(write_request, secret.reveal())
    return {
        "bare handler": Asked(*bare, 200, asked("GET", f"/{KEY}")),
        "POST /reports": Asked(*api, 202, asked("POST", "/reports", body='{"topic":"The Roman Empire"}')),
        "poll of a finished report": Asked(*api, 200, asked("GET", f"/reports/{done}")),
        "the same, not modified": Asked(*api, 304, asked("GET", f"/reports/{done}", known="*")),
        "poll of a running report": Asked(*api, 200, asked("GET", f"/reports/{begun}")),
        "/health/live": Asked(*api, 200, asked("GET", "/health/live")),
    }


async def store_report(store: JobStore, owner: str, sections: int) -> str:
    """Write a report with so many finished sections, and end it if these are all."""
    job_id, now = str(uuid4()), datetime.now(UTC)
    await store.create(NewJob(job_id, Kind.REPORT, owner, b'{"topic":"The Roman Empire"}', ("outline",)))
    begun = await store.begin(job_id)
    if begun is None:
        raise RuntimeError
    outline = Outline(tuple(OutlineItem(f"The Empire in Age {at}") for at in range(SECTIONS)))
    steps = [Step("outline", 0, StepStatus.DONE, None, 1, now, now, _raw(outline))]
    for at, title in enumerate(outline.headings, start=1):
        done = Step(f"section:{at - 1}", at, StepStatus.DONE, title, 1, now, now, _raw(_TEXT))
        steps.append(done if at <= sections else Step(f"section:{at - 1}", at, title=title))
    end = Status.COMPLETED if sections == SECTIONS else None
    change = Change(end, len(steps), tuple(steps), usage=Usage(len(steps), 7_000, 3_500))
    await store.commit(job_id, begun.epoch, begun.version, change)
    return job_id


def _raw(result: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(result))


def write_request(secret: str, method: str, path: str, *, body: str = "", known: str = "") -> str:
    """Write a request as a client that is no browser would."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench:8000", "Accept: */*", "User-Agent: bench"]
    lines += [f"Authorization: Bearer {secret}"]
    lines += [f"Content-Type: application/json\r\nContent-Length: {len(body)}"] if body else []
    lines += [f"If-None-Match: {known}"] if known else []
    return "\r\n".join([*lines, "", body])


async def _ask(asked: Asked, requests: int) -> Taken:
    arguments = (asked.port, _CONNECTIONS, requests, asked.status)
    used = asked.server.cpu_s()
    async with running("benchmarks.api_load", *map(str, arguments), asked.request) as load:
        line = await load.stdout.readline()
    return Taken((asked.server.cpu_s() - used) / requests * 1000, requests / float(line))
