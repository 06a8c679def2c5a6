from datetime import timedelta

import pytest
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import Redis

from aether.leased_queue import (
    LeasedWorker,
    Retry,
    check_redis_url,
    enqueue,
    job_function,
    payload_for,
    worker_settings,
)
from tests.queue.conftest import QUEUE
from tests.queue.valkey import Valkey


@pytest.mark.parametrize("worker_class", [LeasedWorker, Worker])
async def test_one_set_of_settings_starts_either_worker(
    client: ArqRedis, valkey: Valkey, worker_class: type[Worker]
) -> None:
    calls: list[str] = []

    async def started() -> None:
        calls.append("started")

    async def stopped() -> None:
        calls.append("stopped")

    async def work(job_id: str, attempt: int) -> None:
        calls.append(f"{job_id}:{attempt}")
        if attempt == 1:
            raise Retry(defer=timedelta(milliseconds=1))

    settings = worker_settings(
        [job_function("work", work, timeout=timedelta(seconds=10))],
        queue_name=QUEUE,
        max_jobs=1,
        redis_url=f"unix://{valkey.socket}",
        on_startup=started,
        on_shutdown=stopped,
    )
    await enqueue(client, QUEUE, "a", payload_for("work"))
    worker = worker_class(**settings, burst=True, handle_signals=False, poll_delay=0.01)
    await worker.async_run()
    await worker.close()
    assert calls == ["started", "a:1", "a:2", "stopped"]


async def test_a_worker_shares_the_connections_of_a_plain_redis_client(client: ArqRedis, valkey: Valkey) -> None:
    ran: list[str] = []

    async def work(job_id: str, _: int) -> None:
        ran.append(job_id)

    await enqueue(client, QUEUE, "a", payload_for("work"))
    plain = Redis(unix_socket_path=valkey.socket)
    worker = LeasedWorker(
        [job_function("work", work, timeout=timedelta(seconds=10))],
        queue_name=QUEUE,
        redis_pool=plain,
        burst=True,
        handle_signals=False,
    )
    await worker.async_run()
    assert worker.pool.connection_pool is plain.connection_pool
    await worker.close()
    assert ran == ["a"]


@pytest.mark.parametrize("url", ["redis://localhost/first", "redis://localhost:port/0"])
def test_an_address_with_a_garbled_number_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"first|port"):
        check_redis_url(url)
