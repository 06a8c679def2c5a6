"""Owners take turns, whatever they ask for and whenever they take it back."""

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
FICKLE = "f"  # takes back what it asked for; its own places are then its own affair

asking = st.tuples(st.just("ask"), st.sampled_from(["a", "b", "c", "d", FICKLE]), st.integers(1, 6))
claiming = st.tuples(st.just("claim"), st.just(""), st.integers(1, 5))
taking_back = st.tuples(st.just("take back"), st.just(FICKLE), st.integers(0, 5))


@pytest.fixture
def server(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=valkey.socket) as client:
        client.config_set("appendonly", "no")  # what is said to it costs no writes to disk
        yield client


class Line:
    """The queue beside what is known to wait there, and how often each owner went before others that waited."""

    def __init__(self, server: redis.Redis) -> None:
        server.flushall()
        self.server = server
        self.waiting: dict[str, list[str]] = {}
        self.passed: dict[str, Counter[str]] = {}
        self.asked = 0

    def ask(self, flow: str, jobs: int) -> None:
        for _ in range(jobs):
            self.asked += 1
            name = f"{flow}{self.asked}"
            ENQUEUE.run_blocking(self.server, [QUEUE, name, PAYLOAD, flow])
            if not self.waiting.get(flow):
                self.passed[flow] = Counter()
            self.waiting.setdefault(flow, []).append(name)

    def take_back(self, which: int) -> None:
        names = self.waiting.get(FICKLE, [])
        if which < len(names):
            assert WITHDRAW.run_blocking(self.server, [QUEUE, names.pop(which)]) == 1

    def claim(self, limit: int) -> None:
        reply: list[Any] = QueueScripts().claim.run_blocking(self.server, [QUEUE, "w", limit, 3_600_000, 0, 1, 50])
        assert len(reply[1:]) == min(limit, sum(map(len, self.waiting.values())))
        for entry in reply[1:]:
            self._is_taken(entry[0].decode())

    def _is_taken(self, name: str) -> None:
        flow = name[0]
        assert name == self.waiting[flow].pop(0)
        self.passed[flow] = Counter()
        for other, names in self.waiting.items():
            if names and other != flow:
                self.passed[other][flow] += 1
                assert other == FICKLE or self.passed[other][flow] <= 2, f"{flow} went before {other} again"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(asking | claiming | taking_back, max_size=40))
def test_nobody_who_waits_is_passed_by_another_more_than_twice(
    server: redis.Redis, plan: list[tuple[str, str, int]]
) -> None:
    """Once in the round that is being served, and once in the next."""
    line = Line(server)
    for what, flow, number in plan:
        if what == "ask":
            line.ask(flow, number)
        elif what == "claim":
            line.claim(number)
        else:
            line.take_back(number)
    while any(line.waiting.values()):
        line.claim(1)
