import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from arq.connections import ArqRedis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.leased_queue import LeasedWorker, enqueue, payload_for
from aether.leased_queue.connections import close_idle, harden
from tests.queue.conftest import LEASE_S, QUEUE, Launch
from tests.queue.valkey import Valkey
from tests.waiting import PATIENCE_S, eventually, slowness

Context = dict[Any, Any]  # arq's


class Gate:
    """A job that runs until the gate is opened, and a probe."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.open = asyncio.Event()

    async def work(self, ctx: Context) -> None:
        self.runs.append(ctx["job_id"])
        await self.open.wait()

    async def probe(self, ctx: Context) -> None:
        self.runs.append(ctx["job_id"])


async def begin(client: ArqRedis, launch: Launch, **options: Any) -> tuple[Gate, LeasedWorker]:
    gate = Gate()
    worker = await launch(gate.work, gate.probe, **options)
    await enqueue(client, QUEUE, "a", payload_for("Gate.work"))
    await eventually(lambda: gate.runs == ["a"])
    return gate, worker


@pytest.mark.parametrize("down_s", [0.2, LEASE_S + 0.5])
async def test_a_job_that_ends_while_redis_is_unreachable_is_finished_once(
    valkey: Valkey, client: ArqRedis, launch: Launch, down_s: float
) -> None:
    gate, worker = await begin(client, launch)
    valkey.kill()
    await asyncio.sleep(0.05)
    gate.open.set()
    await asyncio.sleep(down_s)
    valkey.start()
    await enqueue(client, QUEUE, "probe", payload_for("Gate.probe"))
    assert await eventually(lambda: gate.runs == ["a", "probe"]) <= 2 * slowness()
    await eventually(lambda: worker.counts.finished == 2)
    assert (worker.counts.refused, worker.counts.lost, await client.zcard(QUEUE)) == (0, 0, 0)


async def test_running_jobs_stay_with_their_worker_after_an_outage_longer_than_a_lease(
    valkey: Valkey, client: ArqRedis, launch: Launch
) -> None:
    """All workers extend their leases before any of them takes over jobs."""
    gate, worker = await begin(client, launch)
    idle = await launch(gate.work, gate.probe)
    valkey.kill()
    await asyncio.sleep(LEASE_S + 0.5)
    valkey.start()
    await asyncio.sleep(1)
    gate.open.set()
    await eventually(lambda: worker.counts.finished == 1)
    assert (gate.runs, idle.counts.claimed) == (["a"], 0)


async def test_a_running_job_that_redis_lost_is_restored(client: ArqRedis, launch: Launch) -> None:
    gate, worker = await begin(client, launch)
    payload = await client.get("arq:job:a")
    await client.flushall()
    await eventually(lambda: worker.counts.restored >= 1)
    assert (await client.get("arq:job:a"), await client.exists("arq:in-progress:a")) == (payload, 1)
    gate.open.set()
    await eventually(lambda: worker.counts.finished == 1)
    assert await client.keys("arq:*:a") == []


async def test_leases_outlive_a_full_memory(client: ArqRedis, launch: Launch) -> None:
    gate, worker = await begin(client, launch)
    await client.config_set("maxmemory", 1)
    with pytest.raises(ResponseError, match="maxmemory"):
        await client.set("x", "y")
    await asyncio.sleep(2 * LEASE_S)
    assert await client.exists("arq:in-progress:a") == 1
    gate.open.set()
    await client.config_set("maxmemory", 0)
    await eventually(lambda: worker.counts.finished == 1)
    assert worker.counts.lost == 0


@pytest.mark.parametrize(
    ("setting", "broken", "sound"),
    [("min-replicas-to-write", "1", "0"), ("replicaof", "127.0.0.1 1", "no one")],
    ids=["NOREPLICAS", "READONLY"],
)
async def test_a_worker_waits_for_a_server_that_refuses_writes(
    client: ArqRedis, launch: Launch, setting: str, broken: str, sound: str
) -> None:
    async def set_to(value: str) -> None:
        command = ["REPLICAOF", *value.split()] if setting == "replicaof" else ["CONFIG", "SET", setting, value]
        await client.execute_command(*command)  # type: ignore[no-untyped-call]

    gate, worker = await begin(client, launch)
    await set_to(broken)
    gate.open.set()
    await asyncio.sleep(0.5)
    await set_to(sound)
    await enqueue(client, QUEUE, "probe", payload_for("Gate.probe"))
    assert await eventually(lambda: gate.runs == ["a", "probe"]) <= 2 * slowness()
    await eventually(lambda: worker.counts.finished == 2)


async def test_an_outage_is_logged_when_it_begins_and_when_it_is_over(
    valkey: Valkey, client: ArqRedis, launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    """However long it lasts, although an idle worker retries ten times a second."""
    caplog.set_level(logging.INFO, "aether.leased_queue.worker")
    gate = Gate()
    await launch(gate.probe)
    valkey.kill()
    await asyncio.sleep(1)
    valkey.start()
    await enqueue(client, QUEUE, "probe", payload_for("Gate.probe"))
    await eventually(lambda: gate.runs == ["probe"])

    lines = [record.message.partition(":")[0] for record in caplog.records if "claimed" in record.message]
    assert lines == ["no jobs can be claimed", "jobs can be claimed again"]


async def test_a_worker_can_stop_while_redis_is_unreachable(valkey: Valkey, client: ArqRedis, launch: Launch) -> None:
    gate, worker = await begin(client, launch)
    valkey.kill()
    gate.open.set()
    began = time.monotonic()
    await worker.close()
    assert time.monotonic() - began < 6 * slowness()
    assert worker.counts.finished == 0


async def test_idle_connections_are_closed_after_an_outage(client: ArqRedis, launch: Launch) -> None:
    """A half-open connection looks like any other until a command on it has timed out."""
    worker = await launch(Gate().probe)
    await asyncio.gather(*(worker.pool.client_id() for _ in range(5)))

    async def open_connections() -> set[bytes]:
        return {entry["id"] for entry in await client.client_list() if not entry["name"]}

    before = await open_connections()
    worker.on_outage()
    own = str(await client.client_id())
    await eventually(lambda: _are_gone(open_connections, before - {own}))


async def _are_gone(now: Callable[[], Awaitable[set[bytes]]], before: set[bytes]) -> bool:
    return not before & await now()


async def test_closing_idle_connections_closes_none_that_is_in_use(client: ArqRedis) -> None:
    messages = [b"a"] * 5
    await asyncio.gather(*map(client.echo, messages))

    _, *answers = await asyncio.gather(close_idle(client), *map(client.echo, messages))

    assert answers == messages


async def test_no_cancellation_is_lost_however_early_it_comes(client: ArqRedis) -> None:
    harden(client, 2.5)
    await client.ping()
    for loop_turns in range(12):
        command = asyncio.ensure_future(client.blpop(["nothing"], 1))  # type: ignore[arg-type]  # typed for both clients
        for _ in range(loop_turns):
            await asyncio.sleep(0)
        command.cancel()
        await asyncio.wait({command}, timeout=PATIENCE_S)
        assert command.cancelled(), loop_turns


async def test_a_silent_server_costs_as_many_attempts_as_the_retry_allows(tmp_path: Path) -> None:
    """A health check of a connection that is being opened would open another one, and so on."""
    opened: list[asyncio.StreamWriter] = []

    async def stay_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)

    retry = Retry(ConstantBackoff(0), 2)
    client = ArqRedis(unix_socket_path=str(tmp_path / "s"), retry=retry, retry_on_error=[RedisConnectionError])
    harden(client, timeout_s=0.02)
    async with await asyncio.start_unix_server(stay_silent, tmp_path / "s"), client:
        with pytest.raises((RedisConnectionError, RedisTimeoutError)):
            await client.get("anything")
        for writer in opened:
            writer.close()

    assert len(opened) == 3
