"""Fair queue, as a property: owners take turns, whatever they enqueue and withdraw."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aether.leased_queue import lua_source, payload_for
from aether.leased_queue.scripts import QueueScripts, Script
from tests.queue.conftest import QUEUE
from tests.queue.valkey import Valkey

PAYLOAD = payload_for("work")
ENQUEUE = Script(lua_source() + "return enqueue(ARGV[1], ARGV[2], ARGV[3], 60000, 0, ARGV[4]) and 1 or 0")
WITHDRAW = Script(lua_source() + "return withdraw(ARGV[1], ARGV[2]) and 1 or 0")
WITHDRAWER = "f"  # withdraws jobs; the order of its own jobs is not checked

enqueues = st.tuples(st.just("enqueue"), st.sampled_from(["a", "b", "c", "d", WITHDRAWER]), st.integers(1, 6))
claims = st.tuples(st.just("claim"), st.just(""), st.integers(1, 5))
withdrawals = st.tuples(st.just("withdraw"), st.just(WITHDRAWER), st.integers(0, 5))


@pytest.fixture
def server(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=valkey.socket) as client:
        client.config_set("appendonly", "no")  # saves the writes to disk
        yield client


class ModelledQueue:
    """The queue, with a model of what waits there and of how often each owner overtook others that waited."""

    def __init__(self, server: redis.Redis) -> None:
        server.flushall()
        self.server = server
        self.waiting: dict[str, list[str]] = {}
        self.overtaken: dict[str, Counter[str]] = {}
        self.enqueued = 0

    def enqueue(self, flow: str, jobs: int) -> None:
        for _ in range(jobs):
            self.enqueued += 1
            name = f"{flow}{self.enqueued}"
            ENQUEUE.run_blocking(self.server, [QUEUE, name, PAYLOAD, flow])
            if not self.waiting.get(flow):
                self.overtaken[flow] = Counter()
            self.waiting.setdefault(flow, []).append(name)

    def withdraw(self, index: int) -> None:
        names = self.waiting.get(WITHDRAWER, [])
        if index < len(names):
            assert WITHDRAW.run_blocking(self.server, [QUEUE, names.pop(index)]) == 1

    def claim(self, limit: int) -> None:
        reply: list[Any] = QueueScripts().claim.run_blocking(self.server, [QUEUE, "w", limit, 3_600_000, 0, 1, 50])
        assert len(reply[1:]) == min(limit, sum(map(len, self.waiting.values())))
        for entry in reply[1:]:
            self._check_claimed(entry[0].decode())

    def _check_claimed(self, name: str) -> None:
        flow = name[0]
        assert name == self.waiting[flow].pop(0)
        self.overtaken[flow] = Counter()
        for other, names in self.waiting.items():
            if names and other != flow:
                self.overtaken[other][flow] += 1
                assert other == WITHDRAWER or self.overtaken[other][flow] <= 2, f"{flow} overtook {other} again"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(enqueues | claims | withdrawals, max_size=40))
def test_no_waiting_owner_is_overtaken_by_another_more_than_twice(
    server: redis.Redis, plan: list[tuple[str, str, int]]
) -> None:
    """It happens once in the round that is being served, and once in the next."""
    queue = ModelledQueue(server)
    for action, flow, number in plan:
        if action == "enqueue":
            queue.enqueue(flow, number)
        elif action == "claim":
            queue.claim(number)
        else:
            queue.withdraw(number)
    while any(queue.waiting.values()):
        queue.claim(1)
