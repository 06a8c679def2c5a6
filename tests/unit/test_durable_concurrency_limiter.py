import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from aether.durable.concurrency_limiter import ConcurrencyLimiter
from tests.durable_bench import until
from tests.fakes import FastClock


async def turns() -> None:
    """Let everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Crowd:
    """Calls through one limiter, each of which goes on until it is let go."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter = limiter
        self.inside: list[str] = []
        self.entered: list[str] = []
        self._leave: dict[str, asyncio.Queue[None]] = {}

    def come(self, job: str, calls: int = 1) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._call(job)) for _ in range(calls)]

    async def _call(self, job: str) -> None:
        async with self._limiter.slot(job):
            self.inside.append(job)
            self.entered.append(job)
            try:
                await self._leave.setdefault(job, asyncio.Queue()).get()
            finally:
                self.inside.remove(job)

    async def one_leaves(self) -> None:
        self._leave[self.inside[0]].put_nowait(None)
        await turns()


async def test_no_more_are_inside_than_the_limit() -> None:
    crowd = Crowd(ConcurrencyLimiter(3, FastClock()))

    tasks = crowd.come("a", 5) + crowd.come("b", 5)
    most = 0
    while not all(task.done() for task in tasks):
        await turns()
        most = max(most, len(crowd.inside))
        if crowd.inside:
            await crowd.one_leaves()

    assert (most, len(crowd.entered)) == (3, 10)


def turn_away(limiter: ConcurrencyLimiter, calls: int = 3) -> None:
    for _ in range(calls):
        limiter.record_overload(None)


def test_overload_halves_the_limit_once_for_calls_in_flight_together() -> None:
    clock = FastClock()
    limiter = ConcurrencyLimiter(100, clock)

    limits = []
    for seconds in (0.0, 0.5, 1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 10.5):
        clock.seconds = seconds
        turn_away(limiter)
        limits.append(limiter.limit)

    assert limits == [50, 50, 25, 12, 6, 3, 1, 1, 1]


def test_a_call_that_is_turned_away_now_and_then_changes_nothing() -> None:
    limiter = ConcurrencyLimiter(100, FastClock())

    for _ in range(200):
        limiter.record_overload(None)
        for _ in range(9):
            limiter.record_success()

    assert limiter.limit == 100


def test_one_call_in_three_that_is_turned_away_is_too_much() -> None:
    clock = FastClock()
    limiter = ConcurrencyLimiter(100, clock)

    for _ in range(50):
        clock.seconds += 0.1
        limiter.record_overload(None)
        limiter.record_success()
        limiter.record_success()

    assert limiter.limit < 50


@pytest.mark.parametrize(("ceiling", "growth"), [(12, 1), (100, 10)])
def test_success_lets_the_limit_grow_by_a_tenth_of_the_ceiling_a_round(ceiling: int, growth: int) -> None:
    limiter = ConcurrencyLimiter(ceiling, FastClock())
    turn_away(limiter)
    rounds = [limiter.limit]

    for _ in range(9):
        for _ in range(limiter.limit):
            limiter.record_success()
        rounds.append(limiter.limit)

    assert all(0 <= later - earlier <= growth for earlier, later in pairwise(rounds))
    assert (rounds[0], rounds[-1]) == (ceiling // 2, ceiling)


class HeldClock(FastClock):
    """A clock on which a wait is over when the test says so."""

    async def sleep(self, seconds: float) -> None:
        end = self.seconds + seconds
        while self.seconds < end:  # noqa: ASYNC110 - the test sets the time, and no event with it
            await asyncio.sleep(0)


async def test_a_pause_holds_all_jobs_back() -> None:
    clock = HeldClock()
    limiter = ConcurrencyLimiter(10, clock)
    crowd = Crowd(limiter)
    crowd.come("a")
    await turns()
    limiter.record_overload(60.0)
    limiter.record_overload(5.0)

    tasks = crowd.come("a") + crowd.come("b")
    await turns()
    assert crowd.entered == ["a"]
    clock.seconds = 59.0
    await crowd.one_leaves()
    assert crowd.entered == ["a"]

    clock.seconds = 60.0
    crowd.come("c")
    await turns()
    assert sorted(crowd.entered) == ["a", "a", "b", "c"]
    for task in tasks:
        task.cancel()


async def test_a_pause_ends_by_itself() -> None:
    clock = HeldClock()
    limiter = ConcurrencyLimiter(10, clock)
    limiter.record_overload(0.001)
    crowd = Crowd(limiter)
    (task,) = crowd.come("a")
    await turns()
    assert not crowd.entered

    clock.seconds = 0.001
    async with asyncio.timeout(1):
        await until(lambda: bool(crowd.entered))
    task.cancel()


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_a_short_job_behind_a_long_one_is_not_starved_and_neither_is_the_long_one(limit: int) -> None:
    crowd = Crowd(ConcurrencyLimiter(limit, FastClock()))
    crowd.come("long", 20)
    await turns()
    crowd.come("short", 3)
    before = len(crowd.entered)

    for _ in range(8):
        await crowd.one_leaves()

    after = Counter(crowd.entered[before : before + 8])
    assert (after["short"], after["long"]) == (3, 5)
    assert crowd.entered[before : before + 5].count("short") == 3


async def test_a_long_job_gets_its_share_while_short_ones_keep_coming() -> None:
    crowd = Crowd(ConcurrencyLimiter(1, FastClock()))
    crowd.come("long", 20)
    for at in range(40):
        crowd.come(f"short-{at}")
        await turns()
        await crowd.one_leaves()

    assert crowd.entered.count("long") >= 10


async def cancelled_while_waiting(crowd: Crowd) -> None:
    for task in crowd.come("b", 3):
        await turns()
        task.cancel()
        await turns()


async def cancelled_when_granted(crowd: Crowd) -> None:
    """The slot is its own already, but it did not wake up to take it."""
    (task,) = crowd.come("b")
    await turns()
    crowd._leave["a"].put_nowait(None)
    await until(lambda: not crowd.inside)
    task.cancel()
    await turns()
    assert crowd.entered == ["a"]


async def cancelled_together(crowd: Crowd) -> None:
    """The one inside leaves while those who wait know already that they are cancelled, but did not run since."""
    tasks = crowd.come("a", 3) + crowd.come("b", 3)
    await turns()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {asyncio.CancelledError} == {type(outcome) for outcome in outcomes}


@pytest.mark.parametrize("cancel", [cancelled_while_waiting, cancelled_when_granted, cancelled_together])
async def test_cancellation_leaks_no_slot(cancel: Callable[[Crowd], Awaitable[None]]) -> None:
    limiter = ConcurrencyLimiter(1, FastClock())
    crowd = Crowd(limiter)
    (inside,) = crowd.come("a")
    await turns()

    await cancel(crowd)
    inside.cancel()
    await asyncio.gather(inside, return_exceptions=True)
    crowd.entered.clear()

    tasks = crowd.come("c", 4)
    for _ in tasks:
        await turns()
        assert len(crowd.inside) == 1
        await crowd.one_leaves()
    assert crowd.entered == ["c"] * 4


async def test_a_waiter_of_another_job_comes_in_when_those_before_it_are_cancelled() -> None:
    crowd = Crowd(ConcurrencyLimiter(1, FastClock()))
    doomed = crowd.come("a", 5)
    await turns()
    crowd.come("b", 9)
    await turns()

    for task in doomed:
        task.cancel()
    outcomes = await asyncio.gather(*doomed, return_exceptions=True)
    await turns()

    assert {asyncio.CancelledError} == {type(outcome) for outcome in outcomes}
    assert crowd.inside == ["b"]


async def test_one_that_is_cancelled_as_its_turn_comes_lets_the_next_of_its_job_in() -> None:
    crowd = Crowd(ConcurrencyLimiter(1, FastClock()))
    inside, next_one, *_ = crowd.come("a", 4)
    await turns()

    inside.cancel()
    next_one.cancel()
    outcomes = await asyncio.gather(inside, next_one, return_exceptions=True)

    assert {asyncio.CancelledError} == {type(outcome) for outcome in outcomes}
    assert crowd.inside == ["a"]
