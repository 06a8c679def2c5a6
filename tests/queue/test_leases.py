import asyncio
import os
import signal
from datetime import timedelta

from arq.connections import ArqRedis
from arq.worker import func

from aether.leased_queue import enqueue, payload_for
from tests.queue.behaviours import (
    check_a_lease_is_extended_while_the_event_loop_is_blocked,
    check_a_paused_worker_cannot_end_the_run_of_another,
)
from tests.queue.conftest import BEAT_S, LEASE_S, QUEUE, Launch, Spawn
from tests.queue.worker_process import Context, work
from tests.waiting import eventually, slowness


async def logged(client: ArqRedis) -> list[str]:
    entries: list[bytes] = await client.lrange("log", 0, -1)  # type: ignore[misc]
    return [entry.decode() for entry in entries]


async def work_briefly(ctx: Context, seconds: float) -> None:
    """Do the work of the process that was killed or stopped, without its waiting."""
    del seconds
    await work(ctx)


async def has_logged(client: ArqRedis, entry: str) -> bool:
    return entry in await logged(client)


async def test_a_lease_is_extended_while_the_event_loop_is_blocked(client: ArqRedis, launch: Launch) -> None:
    await check_a_lease_is_extended_while_the_event_loop_is_blocked(client, launch)


async def test_a_paused_worker_cannot_end_the_run_of_another(client: ArqRedis, launch: Launch) -> None:
    await check_a_paused_worker_cannot_end_the_run_of_another(client, launch)


async def test_a_killed_workers_job_is_taken_over_when_its_lease_expires_if_nobody_watches_connections(
    client: ArqRedis, spawn: Spawn, launch: Launch
) -> None:
    first = spawn(lease=LEASE_S, heartbeat_interval=BEAT_S)
    await enqueue(client, QUEUE, "a", payload_for("work", 600.0))
    await eventually(lambda: has_logged(client, "start:a:1"))
    await launch(func(work_briefly, name="work"), peer_interval=timedelta(hours=1))
    await asyncio.sleep(2 * BEAT_S)  # it does not take over jobs at once
    first.end(signal.SIGKILL)
    left_s = await client.pttl("arq:in-progress:a") / 1_000
    took_s = await eventually(lambda: has_logged(client, "start:a:2"))
    assert left_s - 0.01 <= took_s <= left_s + 0.5 * slowness()
    await eventually(lambda: has_logged(client, "end:a"))
    await eventually(lambda: _is_gone(client))


async def _is_gone(client: ArqRedis) -> bool:
    return bool(await client.zcard(QUEUE) == 0)


async def test_a_stopped_workers_job_goes_to_another_worker_and_ends_once(
    client: ArqRedis, spawn: Spawn, launch: Launch
) -> None:
    first = spawn(lease=LEASE_S, heartbeat_interval=BEAT_S)
    await enqueue(client, QUEUE, "a", payload_for("work", 600.0))
    await eventually(lambda: has_logged(client, "start:a:1"))
    await launch(func(work_briefly, name="work"))
    os.kill(first.pid, signal.SIGSTOP)
    await eventually(lambda: has_logged(client, "start:a:2"))
    os.kill(first.pid, signal.SIGCONT)
    await eventually(lambda: has_logged(client, "end:a"))
    await eventually(lambda: _is_gone(client))
    await asyncio.sleep(2 * BEAT_S)
    assert await logged(client) == ["start:a:1", "start:a:2", "end:a"]
    assert await client.keys("arq:*:a") == [b"arq:gone:a"]


async def test_leases_expire_while_the_event_loop_is_stuck(client: ArqRedis, spawn: Spawn, launch: Launch) -> None:
    """A worker that may never go on must not keep its jobs from other workers."""
    spawn(lease=LEASE_S, heartbeat_interval=BEAT_S, stall_limit=BEAT_S)
    await enqueue(client, QUEUE, "a", payload_for("block", 600.0))
    await eventually(lambda: has_logged(client, "start:a:1"))
    await launch(func(work_briefly, name="block"))
    await eventually(lambda: has_logged(client, "start:a:2"))
