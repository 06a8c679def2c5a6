"""After a failover, API and workers write to the new primary within seconds, and every job ends."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import pytest_socket

from aether.adapters.redis.keys import WORKERS
from tests.chaos.proxy import Link, Proxy
from tests.processes.redis_server import HOST, binaries
from tests.scripted_model import Rule
from tests.service.replication import Replication
from tests.service.stack import Stack
from tests.waiting import PATIENCE_S, slowness, until

BOUND_S = 10.0
RUNNING = [Rule(kind="section", contains="Running", latency_ms=2_000.0)]


@pytest.fixture
def make() -> str:
    """The make of the servers and of the Sentinel."""
    return "valkey"


@pytest.fixture
def replication(tmp_path_factory: pytest.TempPathFactory, make: str) -> Replication:
    pytest_socket._remove_restrictions()
    binary = binaries()[make]
    if binary is None:
        pytest.skip(f"no server of {make} is installed")
    return Replication(tmp_path_factory.mktemp("nodes") / "sentinel", binary=binary)


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory, replication: Replication) -> Iterator[Stack]:
    """The service with two workers, behind Sentinel."""
    with Stack(tmp_path_factory.mktemp("failover"), replication) as running:
        for worker in [running.start_worker(), running.start_worker()]:
            running.ready(worker)
        yield running


def is_ready(stack: Stack) -> bool:
    return stack.http.get("/health/ready").status_code == 200


def first_accepted(stack: Stack) -> tuple[str, float]:
    """POST until one is accepted; return its id and when that was. Everything else must be a 503."""
    begun = time.monotonic()
    while True:
        answer = stack.http.post("/reports", json={"topic": "After the failover"})
        if answer.status_code == 202:
            return answer.json()["jobId"], time.monotonic()
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert time.monotonic() - begun < PATIENCE_S
        time.sleep(0.05)


def accept_and_replicate(stack: Stack, replication: Replication) -> list[str]:
    """Return jobs that run, which the replica has too."""
    stack.model.use(RUNNING)
    ids = [stack.submit(f"Running {at}") for at in range(6)]
    until(lambda: stack.model.in_flight)
    replication.replicate()
    return ids


def assert_all_go_on(stack: Stack, ids: list[str], promoted_at: float) -> None:
    job_id, accepted_at = first_accepted(stack)
    until(lambda: is_ready(stack))
    ready_at = time.monotonic()
    for each in [*ids, job_id]:
        stack.when(each, "completed")

    assert accepted_at - promoted_at <= BOUND_S * slowness()
    assert ready_at - promoted_at <= BOUND_S * slowness()


@pytest.mark.parametrize(
    ("make", "sig"),
    [("valkey", signal.SIGKILL), ("valkey", signal.SIGSTOP), ("debian", signal.SIGKILL)],
    ids=["killed", "stopped", "redis-killed"],
)
def test_after_a_failover_by_sentinel_everything_goes_on(
    stack: Stack, replication: Replication, sig: signal.Signals
) -> None:
    """A stopped primary closes no connection: its clients have to find out by themselves."""
    ids = accept_and_replicate(stack, replication)
    replication.first.process.signal(sig)

    assert_all_go_on(stack, ids, replication.promotion())

    if sig is signal.SIGSTOP:
        replication.first.process.signal(signal.SIGCONT)
        until(lambda: replication.first.client.role()[0] == b"slave")
        stack.when(stack.submit("Behind the old primary's return"), "completed")


def test_with_durable_replica_no_job_is_lost_that_was_accepted(
    tmp_path_factory: pytest.TempPathFactory, replication: Replication
) -> None:
    """The primary is killed while jobs are accepted all the time, without any wait for the replica."""
    with Stack(tmp_path_factory.mktemp("durable"), replication, AETHER_DURABLE="replica") as stack:
        stack.ready(stack.start_worker())
        has_begun, ids = threading.Event(), list[str]()

        def accept(thread: int) -> None:
            for at in range(1_000):
                answer = stack.http.post("/reports", json={"topic": f"Job {thread}.{at}", "sections": 3})
                if answer.status_code != 202:
                    return
                ids.append(answer.json()["jobId"])
                if len(ids) >= 40:
                    has_begun.set()

        with ThreadPoolExecutor(8) as pool:
            accepting = [pool.submit(accept, thread) for thread in range(8)]
            assert has_begun.wait(PATIENCE_S)
            replication.first.process.signal(signal.SIGKILL)
            replication.promotion()
            for each in accepting:
                each.result(PATIENCE_S)
        until(lambda: is_ready(stack) or stack.http.get("/health/ready").json()["detail"].endswith("Redis."))
        for job_id in ids:
            stack.when(job_id, "completed")


@dataclass(frozen=True)
class Forwarded:
    """The service behind a forwarder, which a person redirects; no connection is closed then."""

    stack: Stack
    replication: Replication
    link: Link

    def switch(self) -> float:
        """Switch to the second server, and return when it was the primary."""
        self.replication.switch()
        self.link.redirect(f"{HOST}:{self.replication.second.port}")
        return self.replication.promotion()


@pytest.fixture
def forwarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarded]:
    pytest_socket._remove_restrictions()
    with Proxy() as proxy:
        link = proxy.link(f"{HOST}:1")
        replication = Replication(tmp_path_factory.mktemp("nodes") / "two", f"redis://{HOST}:{link.port}/0")
        link.redirect(f"{HOST}:{replication.first.port}")
        with Stack(tmp_path_factory.mktemp("switch"), replication) as stack:
            stack.ready(stack.start_worker())
            yield Forwarded(stack, replication, link)


def test_after_a_switch_that_leaves_all_connections_open_everything_goes_on(forwarded: Forwarded) -> None:
    ids = accept_and_replicate(forwarded.stack, forwarded.replication)

    assert_all_go_on(forwarded.stack, ids, forwarded.switch())


def test_an_idle_worker_announces_itself_after_a_switch(forwarded: Forwarded) -> None:
    """Nothing calls it: no job comes, and its connections to the demoted server stay open."""
    second = forwarded.replication.second
    forwarded.replication.replicate()
    forwarded.switch()
    second.client.delete(WORKERS)
    deleted_at = time.monotonic()
    until(lambda: second.client.zcard(WORKERS) == 1)

    assert time.monotonic() - deleted_at <= BOUND_S * slowness()
    until(lambda: is_ready(forwarded.stack))
