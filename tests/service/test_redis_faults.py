"""Redis is full, emptied, or restored from an old backup while everything runs; afterwards every job ends."""

import shutil
import signal
from collections.abc import Iterator

import pytest
import pytest_socket
from redis.asyncio import Redis

from aether.bootstrap.storage import job_store, lost_jobs
from aether.leased_queue.keys import JOB as PAYLOAD
from aether.services.lost_job_sweeper import sweep_once
from aether.settings import Secret, Settings
from tests.fakes import FastClock
from tests.scripted_model import Hang, Rule
from tests.service.stack import QUEUE, Stack
from tests.waiting import until

FULL = "Redis is full"
HELD_OUTLINE = [Rule(kind="outline", latency_ms=1_500.0)]


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service of its own, whose store a test may break."""
    pytest_socket._remove_restrictions()
    with Stack(tmp_path_factory.mktemp("own")) as stack:
        stack.ready(stack.start_worker())
        yield stack
        assert stack.leaks() == []


def readiness(stack: Stack) -> str:
    return str(stack.http.get("/health/ready").json().get("detail", "ready"))


async def sweep(stack: Stack) -> None:
    settings = Settings(redis_url=Secret(stack.valkey.url))
    async with Redis.from_url(stack.valkey.url) as client:
        await sweep_once(lost_jobs(client, settings), job_store(client, settings), FastClock())


def test_a_full_redis_is_named_and_everything_goes_on_when_there_is_room(own: Stack) -> None:
    own.model.use(HELD_OUTLINE)
    running = own.submit("Full")
    until(lambda: own.model.in_flight)
    keys = own.valkey.client.dbsize()
    own.valkey.client.config_set("maxmemory", 1)

    refused = own.http.post("/reports", json={"topic": "No room"}, headers={"Idempotency-Key": "one"})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:aether:problem:store-unavailable")
    assert refused.json()["detail"] == f"The job store is unavailable: {FULL}."
    assert refused.headers["Retry-After"] == "2"
    until(lambda: readiness(own) == f"No job can be done now: {FULL}.")
    assert own.get(running)["status"] == "processing"
    assert own.valkey.client.dbsize() <= keys + 1  # the key of the readiness

    own.valkey.client.config_set("maxmemory", 0)
    until(lambda: readiness(own) == "ready")
    accepted = own.http.post("/reports", json={"topic": "No room"}, headers={"Idempotency-Key": "one"})
    assert accepted.status_code == 202
    own.when(running, "completed")
    own.when(accepted.json()["jobId"], "completed")


def test_an_emptied_redis_takes_new_jobs_at_once_and_keeps_nothing_of_old_ones(own: Stack) -> None:
    own.model.use([Rule(kind="outline", contains="Emptied", latency_ms=1_500.0)])
    gone = own.submit("Emptied")
    until(lambda: own.model.in_flight)
    own.valkey.client.flushall()

    assert own.http.get(f"/reports/{gone}").status_code == 404
    own.when(own.submit("After it"), "completed")
    until(lambda: readiness(own) == "ready")
    until(lambda: own.valkey.client.zcard(QUEUE) == 0)
    assert own.http.get(f"/reports/{gone}").status_code == 404
    assert [key for key in own.valkey.keys_of(gone) if not key.startswith(b"arq:gone:")] == []


def test_after_a_restore_from_an_old_backup_every_job_ends_again(own: Stack) -> None:
    own.model.use([Rule(kind="section", index=3, nth=1, do=Hang())])
    first = own.submit("In the backup")
    until(lambda: own.get(first)["counts"]["done"] >= 8)
    files, backup = own.folder / "valkey" / "appendonlydir", own.folder / "backup"
    shutil.copytree(files, backup)
    own.model.use([])
    own.end_workers()
    own.ready(own.start_worker())
    own.when(first, "completed")
    later = own.submit("Behind the backup")
    own.when(later, "completed")

    own.valkey.end(signal.SIGKILL)
    shutil.rmtree(files)
    shutil.copytree(backup, files)
    own.valkey.start()

    own.when(first, "completed")
    assert own.http.get(f"/reports/{later}").status_code == 404
    until(lambda: readiness(own) == "ready")
    own.when(own.submit("After it"), "completed")


@pytest.mark.parametrize("lost", ["queue", "payload"])
async def test_jobs_whose_queue_entries_are_lost_end_after_a_sweep(own: Stack, lost: str) -> None:
    own.end_workers(signal.SIGTERM)
    ids = [own.submit(f"Lost {at}") for at in range(5)]
    keys = [QUEUE] if lost == "queue" else [PAYLOAD + job_id for job_id in ids]
    own.valkey.client.delete(*keys)
    await sweep(own)
    own.start_worker()

    for job_id in ids:
        own.when(job_id, "completed")
    assert own.model.count(kind="outline") == len(ids)
