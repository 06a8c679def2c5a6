"""What must hold of any worker; each check runs with the real scripts, and again without the part it is about."""

import asyncio
import threading
import time
from typing import Any, cast

import redis
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Function, func

from aether.leased_queue import LeasedWorker, payload_for
from aether.leased_queue.scripts import Script, lua_source
from tests.queue.commands import claim
from tests.queue.conftest import LEASE_S, QUEUE, Launch, Work
from tests.waiting import eventually

Context = dict[Any, Any]  # arq's
ENQUEUE = "return enqueue(ARGV[1], ARGV[2], ARGV[3], 60000, 0, ARGV[4]) and 1 or 0"


def named_work(function: Work) -> Function:
    return func(cast(WorkerCoroutine, function), name="work")


async def enqueue_with(client: ArqRedis, source: str, job_id: str, function: str, flow: str = "") -> None:
    await Script(source + ENQUEUE).run(client, [QUEUE, job_id, payload_for(function), flow])


async def check_the_bell_wakes_an_idle_worker(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    starts: list[float] = []

    async def work(_: Context) -> None:
        starts.append(time.monotonic())

    await launch(named_work(work), worker_class=worker_class, poll_delay=1.5)
    await asyncio.sleep(0.2)
    asked_at = time.monotonic()
    await enqueue_with(client, source, "a", "work")
    await eventually(lambda: bool(starts))
    assert starts[0] - asked_at < 0.5


async def check_a_lease_is_renewed_while_the_loop_is_blocked(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    begun = threading.Event()

    async def work(_: Context) -> None:
        begun.set()
        time.sleep(2 * LEASE_S)  # noqa: ASYNC251 - the fault under test

    worker = await launch(named_work(work), worker_class=worker_class)
    await enqueue_with(client, source, "a", "work")
    watching = asyncio.to_thread(_times_to_live, client.connection_pool.connection_kwargs["path"], begun)
    assert min(await watching) > 0
    await eventually(lambda: worker.counts.finished == 1)
    assert worker.counts.lost == 0


def _times_to_live(socket: str, begun: threading.Event) -> list[int]:
    begun.wait(5)
    with redis.Redis(unix_socket_path=socket) as watcher:
        lives = []
        for _ in range(15):
            time.sleep(2 * LEASE_S / 20)
            lives.append(cast(int, watcher.pttl("arq:in-progress:a")))
        return lives


async def check_a_paused_worker_cannot_end_the_run_of_another(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    ending = asyncio.Event()

    async def work(_: Context) -> None:
        await ending.wait()

    paused = await launch(named_work(work), worker_class=worker_class)
    await enqueue_with(client, source, "a", "work")
    await eventually(lambda: "a" in paused.job_tasks)
    assert paused._heartbeat is not None
    await paused._heartbeat.stop()
    paused.allow_pick_jobs = False
    heir = await launch(named_work(work), worker_class=worker_class)
    await eventually(lambda: "a" in heir.job_tasks)
    paused.job_tasks["a"].cancel()
    await eventually(lambda: not paused.tasks)
    assert (paused.counts.refused, await client.zcard(QUEUE)) == (1, 1)
    assert (await client.get("arq:in-progress:a") or b"").endswith(heir.worker_id.encode())
    ending.set()
    await eventually(lambda: heir.counts.finished == 1)


async def check_an_owners_single_job_waits_for_no_more_than_one_of_anothers(
    client: ArqRedis, launch: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    starts: list[str] = []
    ending = asyncio.Event()

    async def work(ctx: Context) -> None:
        starts.append(ctx["job_id"])
        await ending.wait()

    worker = await launch(named_work(work), worker_class=worker_class, max_jobs=1)
    for n in range(20):
        await enqueue_with(client, source, f"adas-{n:02}", "work", "ada")
    await eventually(lambda: len(starts) == 1)
    await enqueue_with(client, source, "bobs", "work", "bob")
    ending.set()
    await eventually(lambda: worker.counts.finished == 21)
    assert starts[:3] == ["adas-00", "bobs", "adas-01"]


async def check_what_a_dead_worker_left_goes_before_all_that_waits(
    client: ArqRedis, _: Launch, worker_class: type[LeasedWorker] = LeasedWorker, source: str = lua_source()
) -> None:
    await enqueue_with(client, source, "left", "work", "ada")
    await claim(client, "dead", lease_ms=1)
    for n in range(20):
        await enqueue_with(client, source, f"adas-{n:02}", "work", "ada")
    await asyncio.sleep(0.01)
    _, *entries = await claim(client, "heir", limit=1, scripts=worker_class.scripts)
    assert [entry[0] for entry in entries] == [b"left"]
