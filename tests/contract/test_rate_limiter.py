import asyncio
import time
from fractions import Fraction
from itertools import combinations_with_replacement
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from aether.adapters.redis.keys import BUCKET
from aether.adapters.redis.rate_limiter import RedisRateLimiter
from aether.domain.access import Rate
from aether.errors import StoreUnavailableError
from aether.services.rate_limit import RateLimiter, RateLimitState
from tests.contract.job_store_harness import RedisJobStoreHarness
from tests.contract.rate_limiter_harness import (
    OWNER,
    MemoryRateLimiterHarness,
    RateLimiterHarness,
    RedisRateLimiterHarness,
)
from tests.contract.test_redis_listing import commands
from tests.fake_rates import MemoryRateLimiter

HOUR = Rate(4, 3_600.0)
BETWEEN_S = 900.0  # from one token of it to the next
SOON = pytest.approx(0.0, abs=60.0)  # what the test itself takes


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def harness(request: pytest.FixtureRequest) -> RateLimiterHarness:
    """Each rate limiter, for promises that every one makes."""
    if request.param == "memory":
        return MemoryRateLimiterHarness()
    return RedisRateLimiterHarness(request.getfixturevalue(f"{request.param}_client"))


async def take_tokens(limiter: RateLimiter, times: int, rate: Rate = HOUR, owner: str = OWNER) -> list[RateLimitState]:
    return [await limiter.take(owner, rate) for _ in range(times)]


async def count_granted(limiter: RateLimiter, times: int, rate: Rate = HOUR, owner: str = OWNER) -> int:
    return sum(tokens.granted for tokens in await take_tokens(limiter, times, rate, owner))


async def test_a_new_bucket_holds_the_tokens_of_the_rate(harness: RateLimiterHarness) -> None:
    tokens = await take_tokens(harness.limiter, 6)

    assert [(each.granted, each.left) for each in tokens] == [
        *[(True, 3), (True, 2), (True, 1), (True, 0)],
        *[(False, 0), (False, 0)],
    ]


async def test_the_state_predicts_the_next_token_and_the_full_bucket(harness: RateLimiterHarness) -> None:
    first, *_, last = await take_tokens(harness.limiter, 4)

    assert [first.next_s - BETWEEN_S, first.full_s - BETWEEN_S] == [SOON, SOON]
    assert [last.next_s - BETWEEN_S, last.full_s - HOUR.seconds] == [SOON, SOON]


async def test_a_rejected_request_takes_no_token(harness: RateLimiterHarness) -> None:
    *_, last = await take_tokens(harness.limiter, 4)
    *_, refused = await take_tokens(harness.limiter, 20)

    assert refused.full_s <= last.full_s
    assert refused.next_s <= last.next_s


async def test_tokens_come_back_evenly(harness: RateLimiterHarness) -> None:
    await take_tokens(harness.limiter, 4)

    counted = []
    for wait_s in (0.5 * BETWEEN_S, 0.6 * BETWEEN_S, BETWEEN_S, 2 * BETWEEN_S):
        await harness.wait(wait_s)
        counted.append(await count_granted(harness.limiter, 4))

    assert counted == [0, 1, 1, 2]


async def test_the_next_token_comes_when_predicted(harness: RateLimiterHarness) -> None:
    await take_tokens(harness.limiter, 4)
    await harness.wait(0.25 * BETWEEN_S)
    (refused,) = await take_tokens(harness.limiter, 1)

    await harness.wait(refused.next_s)

    assert refused.next_s - 0.75 * BETWEEN_S == SOON
    assert await count_granted(harness.limiter, 2) == 1


async def test_a_full_bucket_gets_no_more_tokens(harness: RateLimiterHarness) -> None:
    await take_tokens(harness.limiter, 4)

    await harness.wait(100 * HOUR.seconds)

    assert await count_granted(harness.limiter, 6) == 4


async def test_rates_of_millions_a_second_are_exact(harness: RateLimiterHarness) -> None:
    (tokens,) = await take_tokens(harness.limiter, 1, Rate(3_000_000, 1.0))

    assert (tokens.granted, tokens.left) == (True, 2_999_999)


async def test_owners_have_buckets_of_their_own(harness: RateLimiterHarness) -> None:
    await take_tokens(harness.limiter, 5)

    assert await count_granted(harness.limiter, 5, owner="grace") == 4


@pytest.mark.parametrize("other", [Rate(4, 60.0), Rate(5, 3_600.0), Rate(2, 1_800.0)], ids=str)
async def test_each_rate_has_a_bucket_of_its_own(harness: RateLimiterHarness, other: Rate) -> None:
    await take_tokens(harness.limiter, 4)

    passed = await count_granted(harness.limiter, 9, other)

    assert passed == other.requests
    assert await count_granted(harness.limiter, 1) == 0


async def test_a_clock_that_is_set_back_costs_at_most_a_full_bucket(harness: RateLimiterHarness) -> None:
    await take_tokens(harness.limiter, 1)
    await harness.wait(-1_000_000.0)
    await take_tokens(harness.limiter, 1)

    await harness.wait(1.01 * BETWEEN_S)

    assert await count_granted(harness.limiter, 4) == 1


SPANS = st.lists(st.integers(0, 12), min_size=1, max_size=25)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 9), spans=SPANS)
async def test_a_bucket_holds_new_tokens_minus_taken_ones(
    harness: RateLimiterHarness, size: int, spans: list[int]
) -> None:
    await harness.reset()
    rate, level = Rate(size, size * BETWEEN_S), Fraction(size)
    for halves in spans:
        tokens = await harness.limiter.take(OWNER, rate)
        expected = level >= 1
        level -= expected
        assert (expected, int(level)) == (tokens.granted, tokens.left)
        await harness.wait(halves * BETWEEN_S / 2)
        level = min(level + Fraction(halves, 2), Fraction(size))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 50), seconds=st.integers(1, 100_000), spans=SPANS)
async def test_no_interval_grants_more_than_a_full_bucket_and_its_new_tokens(
    harness: RateLimiterHarness, size: int, seconds: int, spans: list[int]
) -> None:
    """The test's own time counts as well: it can only make the bucket fuller."""
    await harness.reset()
    rate, begin_job, waited = Rate(size, float(seconds)), time.monotonic(), 0.0
    takes: list[tuple[float, float]] = []  # the earliest and the latest that it can have been
    for twelfths in spans:
        before = waited + time.monotonic() - begin_job
        passed = await count_granted(harness.limiter, size // 3 + 1, rate)
        takes += [(before, waited + time.monotonic() - begin_job)] * passed
        await harness.wait(seconds * twelfths / 12)
        waited += seconds * twelfths / 12

    for (first, (begins, _)), (last, (_, ends)) in combinations_with_replacement(enumerate(takes), 2):
        assert last - first + 1 <= size + (ends - begins) * size / seconds + 1e-3


async def test_concurrent_callers_get_exactly_the_tokens_there_are(valkey_socket: Path) -> None:
    clients = [Redis(unix_socket_path=str(valkey_socket)) for _ in range(4)]
    try:
        await clients[0].flushall()
        limiters = [RedisRateLimiter(client) for client in clients]
        counts = await asyncio.gather(*(count_granted(limiter, 10, Rate(25, 3_600.0)) for limiter in limiters * 5))
    finally:
        await asyncio.gather(*(client.aclose() for client in clients))

    assert sum(counts) == 25


async def test_a_bucket_leaves_no_key_when_it_is_full(redis_harness: RedisJobStoreHarness) -> None:
    limiter = RedisRateLimiter(redis_harness.client)
    await limiter.take(OWNER, HOUR)

    (tokens,) = await take_tokens(limiter, 1)

    (bucket,) = await redis_harness.keys()
    assert bucket == f"{BUCKET}4:900000000:{OWNER}"
    assert abs(tokens.full_s * 1_000 - await redis_harness.client.pttl(bucket)) <= 60_000


async def test_a_rejection_writes_nothing(valkey_client: Redis) -> None:
    limiter = RedisRateLimiter(valkey_client)
    await take_tokens(limiter, 4)

    done = await commands(valkey_client, take_tokens(limiter, 3))

    assert (done["evalsha"], done["get"], done["set"]) == (3, 3, 0)


@pytest.mark.parametrize(
    "limiter",
    [MemoryRateLimiter(is_unavailable=True), RedisRateLimiter(Redis(unix_socket_path="/nowhere/valkey.sock"))],
)
async def test_an_unavailable_store_is_an_error(limiter: RateLimiter) -> None:
    with pytest.raises(StoreUnavailableError):
        await limiter.take(OWNER, HOUR)
