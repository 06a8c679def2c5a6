"""Behaviours of every worker: each check runs with the real scripts, and in test_mutations.py without a part."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import redis
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Function, func

from aether.leased_queue import LeasedWorker, payload_for
from aether.leased_queue.peers import PeerWatch
from aether.leased_queue.scripts import Script, lua_source
from tests.queue.commands import SCRIPTS, claim
from tests.queue.conftest import LEASE_S, NO_POLLING_S, QUEUE, Launch, Work
from tests.waiting import PATIENCE_S, eventually, slowness

Context = dict[Any, Any]  # arq's
ENQUEUE = "return enqueue(ARGV[1], ARGV[2], ARGV[3], 60000, 0, ARGV[4]) and 1 or 0"


def named_work(function: Work) -> Function:
    return func(cast(WorkerCoroutine, function), name="work")


async def enqueue_with(client: ArqRedis, source: str, job_id: str, function: str, flow: str = "") -> None:
    await Script(source + ENQUEUE).run(client, [QUEUE, job_id, payload_for(function), flow])


async def check_an_idle_worker_is_woken(
    client: ArqRedis,
    launch: Launch,
    worker_class: type[LeasedWorker] = LeasedWorker,
    source: str = lua_source(),
    within_s: float = PATIENCE_S,
) -> None:
    started = asyncio.Event()

    async def work(_: Context) -> None:
        started.set()

    await launch(named_work(work), worker_class=worker_class, poll_delay=NO_POLLING_S)
    await asyncio.sleep(0.2)
    await enqueue_with(client, source, "a", "work")
    await eventually(started.is_set, within_s)


async def check_a_lease_is_extended_while_the_event_loop_is_blocked(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    begun, over = threading.Event(), threading.Event()

    async def work(_: Context) -> None:
        begun.set()
        time.sleep(2 * LEASE_S)  # noqa: ASYNC251 - the fault under test
        over.set()

    worker = await launch(named_work(work), worker_class=worker_class)
    await enqueue_with(client, source, "a", "work")
    watching = asyncio.to_thread(_lease_ttls, client.connection_pool.connection_kwargs["path"], begun, over)
    assert min(await watching) > 0
    await eventually(lambda: worker.counts.finished == 1)
    assert worker.counts.lost == 0


def _lease_ttls(socket: str, begun: threading.Event, over: threading.Event) -> list[int]:
    assert begun.wait(PATIENCE_S)
    ttls: list[int] = []
    with redis.Redis(unix_socket_path=socket) as watcher:
        while True:
            ttl = cast(int, watcher.pttl("arq:in-progress:a"))
            if over.wait(0.1):
                return ttls
            ttls.append(ttl)


async def check_a_paused_worker_cannot_end_the_run_of_another(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    may_end = asyncio.Event()

    async def work(_: Context) -> None:
        await may_end.wait()

    paused = await launch(named_work(work), worker_class=worker_class)
    await enqueue_with(client, source, "a", "work")
    await eventually(lambda: "a" in paused.job_tasks)
    assert paused._heartbeat is not None
    await paused._heartbeat.stop()
    paused.allow_pick_jobs = False
    successor = await launch(named_work(work), worker_class=worker_class)
    await eventually(lambda: "a" in successor.job_tasks)
    paused.job_tasks["a"].cancel()
    await eventually(lambda: not paused.tasks)
    assert (paused.counts.refused, await client.zcard(QUEUE)) == (1, 1)
    assert (await client.get("arq:in-progress:a") or b"").endswith(successor.worker_id.encode())
    may_end.set()
    await eventually(lambda: successor.counts.finished == 1)


async def check_a_single_job_waits_for_at_most_one_job_of_another_owner(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    starts: list[str] = []
    may_end = asyncio.Event()

    async def work(ctx: Context) -> None:
        starts.append(ctx["job_id"])
        await may_end.wait()

    worker = await launch(named_work(work), worker_class=worker_class, max_jobs=1)
    for n in range(20):
        await enqueue_with(client, source, f"adas-{n:02}", "work", "ada")
    await eventually(lambda: len(starts) == 1)
    await enqueue_with(client, source, "bobs", "work", "bob")
    may_end.set()
    await eventually(lambda: worker.counts.finished == 21)
    assert starts[:3] == ["adas-00", "bobs", "adas-01"]


async def check_a_dead_workers_job_goes_before_all_waiting_jobs(
    client: ArqRedis, _: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    await enqueue_with(client, source, "left", "work", "ada")
    await claim(client, "dead", lease_ms=1)
    for n in range(20):
        await enqueue_with(client, source, f"adas-{n:02}", "work", "ada")
    await asyncio.sleep(0.01)
    _, *entries = await claim(client, "successor", limit=1, scripts=worker_class.scripts)
    assert [entry[0] for entry in entries] == [b"left"]


TAKEOVER_S = 1.0
FAR_AWAY = "elsewhere:1:0"
"""A worker on another machine: whether its process runs can be told by its connection only."""


@contextlib.contextmanager
def announced_worker(client: ArqRedis, worker: str = FAR_AWAY) -> Iterator[None]:
    """Open the connection of a worker, and close it at the end as the kernel does when the process dies."""
    with redis.Redis(unix_socket_path=client.connection_pool.connection_kwargs["path"]) as connection:
        PeerWatch(connection, SCRIPTS.end_leases, QUEUE, worker, 60.0).look(time.monotonic())
        yield


async def check_the_job_of_a_worker_whose_connection_is_gone_is_taken_over_within_a_second(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    started = asyncio.Event()

    async def work(_: Context) -> None:
        started.set()

    await enqueue_with(client, source, "a", "work")
    await claim(client, FAR_AWAY)
    with announced_worker(client):
        await launch(named_work(work), worker_class=worker_class, poll_delay=NO_POLLING_S)
        await asyncio.sleep(1)
        assert not started.is_set()
    await eventually(started.is_set, TAKEOVER_S * slowness())
