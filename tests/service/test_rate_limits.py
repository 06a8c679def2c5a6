"""One limit for all processes of the API."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from tests.service.stack import API, Stack, _port_of
from tests.waiting import PATIENCE_S, until

TOPIC = "The Toll Roads of Cornwall"
BUCKETS = "aether:bucket:*"


@contextmanager
def limited_api(bare: Stack, rate: str) -> Iterator[httpx2.Client]:
    process = bare.spawn(API, AETHER_RATE_LIMIT=rate)
    try:
        until(lambda: _port_of(process.pid) or not process.running)
        assert process.running, process.tail()
        with httpx2.Client(base_url=f"http://127.0.0.1:{_port_of(process.pid)}", timeout=PATIENCE_S) as http:
            yield http
    finally:
        process.end()


@pytest.fixture
def apis(bare: Stack) -> Iterator[list[httpx2.Client]]:
    """Two processes with room for five requests, and for one more each twelve minutes."""
    with ExitStack() as stack:
        yield [stack.enter_context(limited_api(bare, "5/3600")) for _ in range(2)]
        for key in bare.valkey.client.scan_iter(BUCKETS):
            bare.valkey.client.delete(key)


def test_two_processes_let_as_many_requests_pass_as_one(bare: Stack, apis: list[httpx2.Client]) -> None:
    path = f"/reports/{bare.submit(TOPIC)}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda at: apis[at % 2].get(path), range(40)))

    assert Counter({200: 5, 429: 35}) == Counter(answer.status_code for answer in answers)
    left = sorted(answer.headers["RateLimit"].split(";")[1] for answer in answers if answer.status_code == 200)
    assert left == [f"r={number}" for number in range(5)]
    waits = [int(answer.headers["Retry-After"]) for answer in answers if answer.status_code == 429]
    assert all(600 < wait <= 720 for wait in waits), waits
    (bucket,) = bare.valkey.client.scan_iter(BUCKETS)
    assert 0 < bare.valkey.client.pttl(bucket) <= 3_600_000
