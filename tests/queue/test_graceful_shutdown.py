import signal
import time

import pytest
from arq.connections import ArqRedis

from aether.leased_queue import enqueue, payload_for
from tests.queue.conftest import QUEUE, Spawn
from tests.queue.test_leases import has_logged, logged
from tests.waiting import eventually


async def test_sigterm_lets_short_jobs_end_and_releases_long_ones(client: ArqRedis, spawn: Spawn) -> None:
    worker = spawn(shutdown_grace=2.0)
    await enqueue(client, QUEUE, "short", payload_for("work", 0.8))
    await enqueue(client, QUEUE, "long", payload_for("work", 60.0))
    await eventually(lambda: has_logged(client, "start:long:1"))
    assert worker.end(signal.SIGTERM) == 0
    assert "end:short" in await logged(client)
    # redis-py types the answers of its two kinds of client as one.
    assert await client.hget("arq:claim:long", "attempts") == b"0"  # type: ignore[misc]
    assert (await client.zrange(QUEUE, 0, -1), await client.exists("arq:in-progress:long")) == ([b"long"], 0)
    spawn()
    await eventually(lambda: _starts_of(client, "long", 2))
    assert (await logged(client))[-1] == "start:long:1"


async def _starts_of(client: ArqRedis, job_id: str, times: int) -> bool:
    return sum(entry.startswith(f"start:{job_id}:") for entry in await logged(client)) == times


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_grace(client: ArqRedis, spawn: Spawn, signum: signal.Signals) -> None:
    worker = spawn(shutdown_grace=30.0)
    await enqueue(client, QUEUE, "a", payload_for("work", 60.0))
    await eventually(lambda: has_logged(client, "start:a:1"))
    worker.signal(signum)
    time.sleep(0.2)  # noqa: ASYNC251 - nothing else runs here
    assert worker.running
    assert worker.end(signum) == 0
    assert await client.zrange(QUEUE, 0, -1) == [b"a"]
