import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any, cast

import pytest
import redis
from arq.connections import ArqRedis, RedisSettings
from arq.worker import func
from redis.asyncio import Redis

from aether.leased_queue import enqueue, payload_for
from aether.leased_queue.keys import CLAIM, CONNECTIONS, WORKER_ALIVE, WORKER_DEATHS
from aether.leased_queue.peers import Connection, PeerWatch, is_running_here
from tests.queue.behaviours import (
    FAR_AWAY,
    TAKEOVER_S,
    announced_worker,
    check_the_job_of_a_worker_whose_connection_is_gone_is_taken_over_within_a_second,
    named_work,
)
from tests.queue.commands import PAYLOAD, SCRIPTS, claim, heartbeat
from tests.queue.conftest import QUEUE, Launch, Spawn
from tests.queue.test_leases import has_logged, logged, work_briefly
from tests.queue.valkey import Valkey
from tests.waiting import PATIENCE_S, eventually, slowness, until

Context = dict[Any, Any]  # arq's
LONG_LEASE_S = 60.0
NOTICED_S = 1.5
"""By then a worker whose connection is gone has been noticed."""


async def begin(client: ArqRedis, spawn: Spawn, launch: Launch, **options: Any) -> Any:
    """Let a worker process hold job `a`, while a worker here watches."""
    holder = spawn(**({"lease": LONG_LEASE_S} | options))
    await enqueue(client, QUEUE, "a", payload_for("work", 600.0))
    await eventually(lambda: has_logged(client, "start:a:1"))
    await launch(func(work_briefly, name="work"))
    await eventually(lambda: _watch_each_other(client, 2))
    return holder


async def _watch_each_other(client: ArqRedis, workers: int) -> bool:
    return len(await client.hgetall(CONNECTIONS + QUEUE)) == workers  # type: ignore[misc]


async def deaths_of(client: Redis, job_id: str = "a") -> tuple[bytes | None, int]:
    """Return the delivery count of a job, and how many workers died lately."""
    count: bytes | None = await client.hget(CLAIM + job_id, "deaths")  # type: ignore[misc]
    return count, await client.zcard(WORKER_DEATHS + QUEUE)


async def test_the_job_of_a_worker_whose_connection_is_gone_is_taken_over_within_a_second(
    client: ArqRedis, launch: Launch
) -> None:
    await check_the_job_of_a_worker_whose_connection_is_gone_is_taken_over_within_a_second(client, launch)


@pytest.mark.parametrize("where", [{}, {"host": "elsewhere"}], ids=["this machine", "another machine"])
async def test_the_job_of_a_killed_worker_is_taken_over_within_a_second_and_the_death_counts(
    client: ArqRedis, spawn: Spawn, launch: Launch, where: dict[str, str]
) -> None:
    holder = await begin(client, spawn, launch, **where)
    await asyncio.sleep(1)  # it is being watched
    holder.end(signal.SIGKILL)
    await eventually(lambda: has_logged(client, "start:a:2"), TAKEOVER_S * slowness())
    assert len(await client.hgetall(CONNECTIONS + QUEUE)) == 1  # type: ignore[misc]
    assert (await deaths_of(client))[1] == 1


async def test_a_stopped_worker_keeps_its_job_for_its_lease(client: ArqRedis, spawn: Spawn, launch: Launch) -> None:
    holder = await begin(client, spawn, launch, host="elsewhere", lease=4.0)
    os.kill(holder.pid, signal.SIGSTOP)
    left_s = await client.pttl("arq:in-progress:a") / 1_000
    took_s = await eventually(lambda: has_logged(client, "start:a:2"))
    os.kill(holder.pid, signal.SIGCONT)
    assert left_s - 0.01 <= took_s <= left_s + slowness()


async def test_a_living_worker_that_loses_its_connection_loses_no_job(
    client: ArqRedis, spawn: Spawn, launch: Launch
) -> None:
    await begin(client, spawn, launch, host="elsewhere")
    for _ in range(5):
        for entry in await client.client_list():
            if entry["name"].startswith("elsewhere") and entry["name"].endswith(":heart"):
                await client.client_kill_filter(entry["id"])
        await asyncio.sleep(0.6)
    await asyncio.sleep(NOTICED_S)
    assert await logged(client) == ["start:a:1"]
    assert await deaths_of(client) == (None, 0)


async def test_a_worker_of_this_machine_that_is_cut_off_keeps_its_job(client: ArqRedis, launch: Launch) -> None:
    """Its process runs, as this one does."""
    started: list[str] = []

    async def work(ctx: Context) -> None:
        started.append(ctx["job_id"])

    await enqueue(client, QUEUE, "a", payload_for("work"))
    neighbour = f"{socket.gethostname()}:{os.getpid()}:0"
    await claim(client, neighbour)
    with announced_worker(client, neighbour):
        await launch(named_work(work))
        await asyncio.sleep(1)
    await asyncio.sleep(NOTICED_S)
    assert started == []


async def test_nobody_is_presumed_dead_after_a_restart_of_redis(
    valkey: Valkey, client: ArqRedis, spawn: Spawn, launch: Launch
) -> None:
    """All connections are gone then, and new ones get the ids of old ones."""
    await begin(client, spawn, launch, host="elsewhere")
    for _ in range(2):
        valkey.kill()
        await asyncio.sleep(0.3)
        valkey.start()
        await eventually(lambda: _watch_each_other(client, 2))
        await asyncio.sleep(NOTICED_S)
    assert await logged(client) == ["start:a:1"]
    assert await deaths_of(client) == (None, 0)


@pytest.mark.parametrize("command", ["client|list", "client|id", "info"])
async def test_leases_alone_decide_where_a_command_is_not_allowed(
    valkey: Valkey, client: ArqRedis, launch: Launch, caplog: pytest.LogCaptureFixture, command: str
) -> None:
    started = asyncio.Event()

    async def work(_: Context) -> None:
        started.set()

    await client.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", f"-{command}")  # type: ignore[no-untyped-call]
    limited = RedisSettings(unix_socket_path=valkey.socket, username="limited", password="secret")
    await enqueue(client, QUEUE, "a", payload_for("work"))
    await claim(client, FAR_AWAY, lease_ms=3_000)
    with announced_worker(client):
        worker = await launch(named_work(work), redis_settings=limited)
        await asyncio.sleep(1)
    assert await client.pttl("arq:in-progress:a") > 0
    await eventually(started.is_set)
    assert len([record for record in caplog.records if "cannot be watched" in record.message]) == 1
    assert worker.counts.finished <= 1
    assert not await client.hexists(CONNECTIONS + QUEUE, worker.worker_id)  # type: ignore[misc]


async def test_a_job_that_kills_its_workers_ends_three_at_most_while_others_watch(
    client: ArqRedis, spawn: Spawn
) -> None:
    workers = [spawn(host=f"host{n}", lease=3.25, heartbeat_interval=0.5) for n in range(5)]
    await eventually(lambda: _watch_each_other(client, 5))
    others = [f"other{n}" for n in range(10)]
    for job_id in others:
        await enqueue(client, QUEUE, job_id, payload_for("work", 2.0))
    await enqueue(client, QUEUE, "poison", payload_for("poison"))
    await eventually(lambda: client.exists("dead_letters"))
    await eventually(lambda: _has_ended(client, others))
    dead_letters: list[bytes] = await client.lrange("dead_letters", 0, -1)  # type: ignore[misc]
    assert [entry.split(b":")[0] for entry in dead_letters] == [b"poison"]
    assert len([worker for worker in workers if not worker.running]) == 3


async def _has_ended(client: ArqRedis, job_ids: list[str]) -> bool:
    return {f"end:{job_id}" for job_id in job_ids} <= set(await logged(client))


async def test_the_death_of_a_worker_that_turns_out_to_be_alive_does_not_count(
    client: ArqRedis, launch: Launch
) -> None:
    starts: list[str] = []

    async def work(ctx: Context) -> None:
        starts.append(ctx["job_id"])
        await asyncio.sleep(PATIENCE_S)

    slow_heartbeat = timedelta(seconds=2)
    alive = await launch(named_work(work), lease=timedelta(minutes=1), heartbeat_interval=slow_heartbeat)
    await enqueue(client, QUEUE, "a", payload_for("work"))
    await eventually(lambda: starts == ["a"])
    alive.allow_pick_jobs = False
    other = await launch(named_work(work))
    assert await end_leases(client, alive.worker_id, lease_ms=60_000) == 1
    await eventually(lambda: other.counts.claimed == 1)
    assert await deaths_of(client) == (b"1", 1)
    await eventually(lambda: alive.counts.lost == 1)
    assert await deaths_of(client) == (None, 0)


async def end_leases(
    store: Redis, worker: str, connection: bytes | None = None, lease_ms: int = 60_000, *, is_dead: bool = True
) -> int:
    announced: bytes = connection or await store.hget(CONNECTIONS + QUEUE, worker)  # type: ignore[misc]
    ended: int = await SCRIPTS.end_leases.run(store, [QUEUE, worker, announced, lease_ms, int(is_dead)])
    return ended


async def hold(store: Redis, **workers: str) -> None:
    """Let workers announce themselves, and each claim a job."""
    for worker, job_id in workers.items():
        await store.hset(CONNECTIONS + QUEUE, worker, "run:1:60000")  # type: ignore[misc]
        await heartbeat(store, worker, 60_000)
        await enqueue(store, QUEUE, job_id, PAYLOAD)
        await claim(store, worker)


async def test_only_the_leases_of_the_dead_worker_are_ended(store: Redis) -> None:
    await hold(store, dead="a", alive="b")
    await enqueue(store, QUEUE, "later", PAYLOAD, delay_ms=1_000)
    assert await end_leases(store, "dead") == 1
    assert await store.exists(WORKER_ALIVE + "dead") == 0
    # A new worker waits for heartbeats of holders whose leases expired; of this one it is known that none will come.
    _, *entries = await claim(store, "successor", may_take_over=False)
    assert [entry[0] for entry in entries] == [b"a"]
    assert await store.hkeys(CONNECTIONS + QUEUE) == [b"alive"]  # type: ignore[misc]


async def test_any_number_of_leases_is_ended_at_once(store: Redis) -> None:
    await hold(store, dead="a")
    for n in range(600):
        await enqueue(store, QUEUE, f"b{n}", PAYLOAD)
    assert len(await claim(store, "dead", limit=600)) == 1 + 600
    assert await end_leases(store, "dead") == 601


async def test_a_worker_that_has_announced_another_connection_keeps_its_leases(store: Redis) -> None:
    await hold(store, alive="a")
    await store.hset(CONNECTIONS + QUEUE, "alive", "run:2:60000")  # type: ignore[misc]
    assert await end_leases(store, "alive", b"run:1:60000") == -1
    assert await store.exists("arq:in-progress:a") == 1


async def test_an_announcement_is_removed_without_a_death(store: Redis) -> None:
    await hold(store, alive="a")
    assert await end_leases(store, "alive", is_dead=False) == 0
    assert await store.exists("arq:in-progress:a", CONNECTIONS + QUEUE) == 1


async def test_the_lease_of_a_quarantined_job_runs_its_time(store: Redis) -> None:
    """Its next death makes it a dead letter, so nothing is presumed."""
    await store.hset(CLAIM + "a", mapping={"deaths": "2", "suspect": "1"})  # type: ignore[misc]
    await hold(store, dead="a")
    assert await end_leases(store, "dead") == 0
    assert await store.exists("arq:in-progress:a") == 1


async def test_a_presumed_death_that_quarantined_a_job_is_revoked_with_the_quarantine(store: Redis) -> None:
    await store.hset(CLAIM + "a", "deaths", "1")  # type: ignore[misc]
    await store.hset(CONNECTIONS + QUEUE, "alive", "run:1:60000")  # type: ignore[misc]
    await enqueue(store, QUEUE, "a", PAYLOAD)
    (_, entry) = await claim(store, "alive")
    await end_leases(store, "alive")
    assert (await claim(store, "other"))[1:] == []
    assert await store.hexists(CLAIM + "a", "suspect")  # type: ignore[misc]
    events = await SCRIPTS.extend.run(store, [QUEUE, "alive", 60_000, 0, 0, "", "a", entry[1]])
    assert events == [b"a", b"lost"]
    assert await store.hmget(CLAIM + "a", ["deaths", "suspect"]) == [b"1", None]  # type: ignore[misc]


class Watched:
    """A peer watch on a real server, and the announcements of its peers."""

    def __init__(self, valkey: Valkey) -> None:
        self.client = redis.Redis(unix_socket_path=valkey.socket)
        self.watch = PeerWatch(self.client, SCRIPTS.end_leases, QUEUE, "m", 60.0)

    @property
    def announced(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = self.client.hgetall(CONNECTIONS + QUEUE)  # type: ignore[assignment]
        return found

    @property
    def run_id(self) -> str:
        own = Connection.parse(self.announced[b"m"])
        assert own is not None
        return own.run_id

    def commands(self) -> int:
        stats: dict[str, int] = self.client.info("stats")  # type: ignore[assignment]  # typed for both clients
        return stats["total_commands_processed"]


@pytest.fixture
def watched(valkey: Valkey) -> Watched:
    return Watched(valkey)


def test_an_announcement_that_another_version_has_written_is_ignored(watched: Watched) -> None:
    watched.watch.look(0.0)
    watched.client.hset(CONNECTIONS + QUEUE, "elsewhere:1:0", "unknown")
    for at in range(1, 4):
        assert not watched.watch.look(float(at))
    assert watched.announced[b"elsewhere:1:0"] == b"unknown"


def test_announcements_of_an_earlier_run_of_the_server_are_removed_and_nobody_is_dead(watched: Watched) -> None:
    watched.client.hset(CONNECTIONS + QUEUE, "elsewhere:1:0", "earlier:1:60000")
    for at in range(3):
        assert not watched.watch.look(float(at))
    assert list(watched.announced) == [b"m"]


def test_an_announcement_that_redis_lost_is_made_again(watched: Watched) -> None:
    watched.watch.look(0.0)
    watched.client.flushall()
    watched.watch.look(1.0)
    watched.watch.look(2.0)
    assert list(watched.announced) == [b"m"]
    assert 0 < cast(int, watched.client.ttl(CONNECTIONS + QUEUE)) <= 300


def test_connections_are_not_watched_where_ids_are_those_of_a_proxy(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """It would take living workers for dead whenever the proxy closes a connection of its own."""
    watched.watch.look(0.0)
    run_id = watched.run_id
    watched.client.hset(CONNECTIONS + QUEUE, "elsewhere:1:0", f"{run_id}:1:60000")
    watched.watch._own = Connection(run_id, "999999", 60_000)
    caplog.set_level(logging.WARNING)
    for at in range(1, 5):
        assert not watched.watch.look(float(at))
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "dead workers are noticed by their leases only, connections cannot be watched"
    ]
    assert b"elsewhere:1:0" in watched.announced


def test_a_worker_watches_the_peers_after_it_in_the_ring(watched: Watched) -> None:
    watched.watch.look(0.0)
    run_id = watched.run_id
    for n in range(40):
        watched.client.hset(CONNECTIONS + QUEUE, f"{'az'[n % 2]}{n:02}", f"{run_id}:{900 + n}:60000")
    watched.watch.look(1.0)
    assert list(watched.watch._neighbours()) == [f"z{n:02}" for n in range(1, 16, 2)]


def test_a_process_runs_here_until_it_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = f"{socket.gethostname()}:{child.pid}:0"
        assert is_running_here(name)
        child.send_signal(signal.SIGKILL)
        until(lambda: not is_running_here(name))  # although nobody has asked for its status
    assert not is_running_here(name)
    assert not is_running_here("elsewhere:1:0")
    assert not is_running_here("w")


def test_a_look_costs_two_commands(watched: Watched) -> None:
    watched.watch.look(time.monotonic())
    run_id = watched.run_id
    with redis.Redis(unix_socket_path=watched.client.connection_pool.connection_kwargs["path"]) as peer:
        peer_id = peer.client_id()
        watched.client.hset(CONNECTIONS + QUEUE, "elsewhere:1:0", f"{run_id}:{peer_id}:60000")
        watched.watch.look(time.monotonic())
        before = watched.commands()
        for _ in range(10):
            watched.watch.look(time.monotonic())
        assert watched.commands() - before - 1 == 20
