import asyncio
import subprocess
from typing import Any

from arq.connections import ArqRedis

from aether.leased_queue import enqueue, payload_for, vindicate
from aether.leased_queue.keys import NOTE
from tests.queue.behaviours import named_work
from tests.queue.conftest import QUEUE, Launch, Spawn, eventually
from tests.queue.test_leases import logged

Context = dict[Any, Any]  # arq's


async def test_a_job_that_kills_its_workers_is_condemned_and_no_innocent_is(client: ArqRedis, spawn: Spawn) -> None:
    innocents = [f"innocent{n}" for n in range(20)]
    for job_id in innocents[:10]:
        await enqueue(client, QUEUE, job_id, payload_for("work", 0.3))
    await enqueue(client, QUEUE, "poison", payload_for("poison"))
    for job_id in innocents[10:]:
        await enqueue(client, QUEUE, job_id, payload_for("work", 0.3))
    workers: list[subprocess.Popen[bytes]] = []

    async def is_over() -> bool:
        if not workers or workers[-1].poll() is not None:
            workers.append(spawn(lease=0.6, heartbeat_interval=0.2))
        return bool(await client.exists("condemned") and await client.zcard(QUEUE) == 0)

    await eventually(is_over, within_s=40)
    condemned: list[bytes] = await client.lrange("condemned", 0, -1)  # type: ignore[misc]
    assert [entry.split(b":")[0] for entry in condemned] == [b"poison"]
    assert len(workers) == 1 + 3
    ends = {entry for entry in await logged(client) if entry.startswith("end:")}
    assert ends == {f"end:{job_id}" for job_id in innocents}
    assert await client.exists("arq:condemned:poison") == 1


async def test_a_suspect_waits_until_it_is_alone_and_stays_alone_until_it_makes_progress(
    client: ArqRedis, launch: Launch
) -> None:
    starts: list[str] = []
    gates = {job_id: asyncio.Event() for job_id in ("busy", "suspect", "next")}

    async def work(ctx: Context) -> None:
        starts.append(ctx["job_id"])
        await gates[ctx["job_id"]].wait()

    worker = await launch(named_work(work))
    await enqueue(client, QUEUE, "busy", payload_for("work"))
    await eventually(lambda: starts == ["busy"])
    await client.hset(NOTE + "suspect", mapping={"deaths": "2", "suspect": "1"})  # type: ignore[misc]
    await enqueue(client, QUEUE, "suspect", payload_for("work"))
    await eventually(lambda: worker.counts.claimed == 2)
    await enqueue(client, QUEUE, "next", payload_for("work"))
    await asyncio.sleep(0.3)
    assert starts == ["busy"]
    gates["busy"].set()
    await eventually(lambda: starts == ["busy", "suspect"])
    await asyncio.sleep(0.3)
    assert starts == ["busy", "suspect"]
    await vindicate(client, "suspect")
    await eventually(lambda: starts == ["busy", "suspect", "next"])


async def test_the_hook_is_called_until_it_succeeds(client: ArqRedis, launch: Launch) -> None:
    calls: list[str] = []

    async def condemned(job_id: str, _: str) -> None:
        calls.append(job_id)
        if len(calls) == 1:
            raise ConnectionError

    async def work(_: Context) -> None:
        calls.append("ran")

    await client.hset(NOTE + "a", "condemned", "1")  # type: ignore[misc]
    worker = await launch(named_work(work), on_condemned=condemned)
    await enqueue(client, QUEUE, "a", payload_for("work"))
    await eventually(lambda: worker.counts.condemned == 1)
    assert (calls, await client.zcard(QUEUE)) == (["a", "a"], 0)
