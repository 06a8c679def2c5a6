import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from aether.durable.concurrency_limiter import ConcurrencyLimiter, ModelLimiters
from tests.durable_harness import until
from tests.fakes import FastClock, HeldClock
from tests.waiting import PATIENCE_S


async def yield_to_others() -> None:
    """Let other tasks run as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Calls:
    """Calls through one limiter, each of which lasts until it is told to finish."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter = limiter
        self.in_flight: list[str] = []
        self.started: list[str] = []
        self._finish: dict[str, asyncio.Queue[None]] = {}

    def start(self, job: str, calls: int = 1) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._call(job)) for _ in range(calls)]

    async def _call(self, job: str) -> None:
        await self._limiter.acquire(job)
        self.in_flight.append(job)
        self.started.append(job)
        try:
            await self._finish.setdefault(job, asyncio.Queue()).get()
        finally:
            self.in_flight.remove(job)
            self._limiter.release()

    async def finish_one(self) -> None:
        self._finish[self.in_flight[0]].put_nowait(None)
        await yield_to_others()


async def test_no_more_calls_are_in_flight_than_the_limit() -> None:
    calls = Calls(ConcurrencyLimiter(3, FastClock()))

    tasks = calls.start("a", 5) + calls.start("b", 5)
    peak = 0
    while not all(task.done() for task in tasks):
        await yield_to_others()
        peak = max(peak, len(calls.in_flight))
        if calls.in_flight:
            await calls.finish_one()

    assert (peak, len(calls.started)) == (3, 10)


def reject(limiter: ConcurrencyLimiter, calls: int = 3) -> None:
    for _ in range(calls):
        limiter.record_overload(None)


def test_overload_halves_the_limit_once_for_calls_in_flight_together() -> None:
    clock = FastClock()
    limiter = ConcurrencyLimiter(100, clock)

    limits = []
    for seconds in (0.0, 0.5, 1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 10.5):
        clock.seconds = seconds
        reject(limiter)
        limits.append(limiter.limit)

    assert limits == [50, 50, 25, 12, 6, 3, 1, 1, 1]


def test_occasional_rejections_change_nothing() -> None:
    limiter = ConcurrencyLimiter(100, FastClock())

    for _ in range(200):
        limiter.record_overload(None)
        for _ in range(9):
            limiter.record_success()

    assert limiter.limit == 100


def test_one_rejection_in_three_calls_lowers_the_limit() -> None:
    clock = FastClock()
    limiter = ConcurrencyLimiter(100, clock)

    for _ in range(50):
        clock.seconds += 0.1
        limiter.record_overload(None)
        limiter.record_success()
        limiter.record_success()

    assert limiter.limit < 50


@pytest.mark.parametrize(("ceiling", "growth"), [(12, 1), (100, 10)])
def test_success_raises_the_limit_by_a_tenth_of_the_ceiling_per_round(ceiling: int, growth: int) -> None:
    limiter = ConcurrencyLimiter(ceiling, FastClock())
    reject(limiter)
    rounds = [limiter.limit]

    for _ in range(9):
        for _ in range(limiter.limit):
            limiter.record_success()
        rounds.append(limiter.limit)

    assert all(0 <= later - earlier <= growth for earlier, later in pairwise(rounds))
    assert (rounds[0], rounds[-1]) == (ceiling // 2, ceiling)


async def test_a_pause_holds_back_all_jobs() -> None:
    clock = HeldClock()
    limiter = ConcurrencyLimiter(10, clock)
    calls = Calls(limiter)
    calls.start("a")
    await yield_to_others()
    limiter.record_overload(60.0)
    limiter.record_overload(5.0)

    tasks = calls.start("a") + calls.start("b")
    await yield_to_others()
    assert calls.started == ["a"]
    clock.seconds = 59.0
    await calls.finish_one()
    assert calls.started == ["a"]

    clock.seconds = 60.0
    calls.start("c")
    await yield_to_others()
    assert sorted(calls.started) == ["a", "a", "b", "c"]
    for task in tasks:
        task.cancel()


async def test_a_pause_ends_by_itself() -> None:
    clock = HeldClock()
    limiter = ConcurrencyLimiter(10, clock)
    limiter.record_overload(0.001)
    calls = Calls(limiter)
    (task,) = calls.start("a")
    await yield_to_others()
    assert not calls.started

    clock.seconds = 0.001
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: bool(calls.started))
    task.cancel()


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_neither_a_short_nor_a_long_job_starves(limit: int) -> None:
    calls = Calls(ConcurrencyLimiter(limit, FastClock()))
    calls.start("long", 20)
    await yield_to_others()
    calls.start("short", 3)
    before = len(calls.started)

    for _ in range(8):
        await calls.finish_one()

    after = Counter(calls.started[before : before + 8])
    assert (after["short"], after["long"]) == (3, 5)
    assert calls.started[before : before + 5].count("short") == 3


async def test_a_long_job_gets_its_share_while_short_ones_keep_arriving() -> None:
    calls = Calls(ConcurrencyLimiter(1, FastClock()))
    calls.start("long", 20)
    for at in range(40):
        calls.start(f"short-{at}")
        await yield_to_others()
        await calls.finish_one()

    assert calls.started.count("long") >= 10


async def cancelled_while_waiting(calls: Calls) -> None:
    for task in calls.start("b", 3):
        await yield_to_others()
        task.cancel()
        await yield_to_others()


async def cancelled_when_granted(calls: Calls) -> None:
    """The slot is granted already, but the task has not run since."""
    (task,) = calls.start("b")
    await yield_to_others()
    calls._finish["a"].put_nowait(None)
    await until(lambda: not calls.in_flight)
    task.cancel()
    await yield_to_others()
    assert calls.started == ["a"]


async def cancelled_together(calls: Calls) -> None:
    """The slot is released after the waiting tasks were cancelled, but before they run."""
    tasks = calls.start("a", 3) + calls.start("b", 3)
    await yield_to_others()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {asyncio.CancelledError} == {type(outcome) for outcome in outcomes}


@pytest.mark.parametrize("cancel", [cancelled_while_waiting, cancelled_when_granted, cancelled_together])
async def test_cancellation_leaks_no_slot(cancel: Callable[[Calls], Awaitable[None]]) -> None:
    limiter = ConcurrencyLimiter(1, FastClock())
    calls = Calls(limiter)
    (in_flight,) = calls.start("a")
    await yield_to_others()

    await cancel(calls)
    in_flight.cancel()
    await asyncio.gather(in_flight, return_exceptions=True)
    calls.started.clear()

    tasks = calls.start("c", 4)
    for _ in tasks:
        await yield_to_others()
        assert len(calls.in_flight) == 1
        await calls.finish_one()
    assert calls.started == ["c"] * 4


async def test_a_waiter_of_another_job_gets_the_slot_of_cancelled_ones() -> None:
    calls = Calls(ConcurrencyLimiter(1, FastClock()))
    cancelled = calls.start("a", 5)
    await yield_to_others()
    calls.start("b", 9)
    await yield_to_others()

    for task in cancelled:
        task.cancel()
    outcomes = await asyncio.gather(*cancelled, return_exceptions=True)
    await yield_to_others()

    assert {asyncio.CancelledError} == {type(outcome) for outcome in outcomes}
    assert calls.in_flight == ["b"]


async def test_a_waiter_cancelled_as_it_gets_its_slot_passes_it_on() -> None:
    calls = Calls(ConcurrencyLimiter(1, FastClock()))
    in_flight, second, *_ = calls.start("a", 4)
    await yield_to_others()

    in_flight.cancel()
    second.cancel()
    outcomes = await asyncio.gather(in_flight, second, return_exceptions=True)

    assert {asyncio.CancelledError} == {type(outcome) for outcome in outcomes}
    assert calls.in_flight == ["a"]


async def test_the_pause_of_one_model_holds_back_no_other() -> None:
    limiters = ModelLimiters(10, HeldClock())
    free, paid = Calls(limiters.limiter("free")), Calls(limiters.limiter("paid"))
    limiters.limiter("free").record_overload(86_400.0)

    tasks = free.start("a") + paid.start("b")
    await yield_to_others()

    assert (free.started, paid.started) == ([], ["b"])
    for task in tasks:
        task.cancel()


def test_the_limit_of_one_model_is_not_that_of_another() -> None:
    limiters = ModelLimiters(100, FastClock())

    reject(limiters.limiter("free"))

    assert (limiters.limiter("free").limit, limiters.limiter("paid").limit) == (50, 100)


@pytest.mark.parametrize(("ceiling", "capacity"), [(1, 2), (3, 4), (8, 10), (500, 625)])
async def test_all_models_together_make_a_quarter_more_calls_than_one_and_at_least_one_more(
    ceiling: int, capacity: int
) -> None:
    limiters = ModelLimiters(ceiling, FastClock())
    alone = Calls(limiters.limiter("one"))
    tasks = alone.start("a", capacity + 1)
    await yield_to_others()
    assert len(alone.in_flight) == ceiling

    others = [Calls(limiters.limiter(f"other {number}")) for number in range(5)]
    tasks += [task for each in others for task in each.start("b", capacity)]
    await yield_to_others()

    assert sum(len(each.in_flight) for each in (alone, *others)) == capacity
    for task in tasks:
        task.cancel()


async def test_all_calls_are_made_whatever_the_models() -> None:
    limiters = ModelLimiters(3, FastClock())
    calls = {model: Calls(limiters.limiter(model)) for model in ("one", "two", "three")}

    tasks = [task for model, each in calls.items() for task in each.start(model, 4)]
    peak = 0
    while not all(task.done() for task in tasks):
        await yield_to_others()
        peak = max(peak, sum(len(each.in_flight) for each in calls.values()))
        for each in calls.values():
            if each.in_flight:
                await each.finish_one()

    assert (peak, sum(len(each.started) for each in calls.values())) == (4, 12)


@pytest.mark.parametrize("ceiling", [1, 2, 10, 500])
async def test_a_model_that_does_not_answer_holds_back_no_call_of_another(ceiling: int) -> None:
    limiters = ModelLimiters(ceiling, FastClock())
    silent, other = Calls(limiters.limiter("silent")), Calls(limiters.limiter("other"))
    tasks = silent.start("a", 2 * ceiling)
    await yield_to_others()

    for at in range(5):
        tasks += other.start("b")
        await yield_to_others()
        await other.finish_one()
        assert len(other.started) == at + 1

    assert len(silent.in_flight) == ceiling
    for task in tasks:
        task.cancel()


async def test_several_models_that_do_not_answer_leave_room_too() -> None:
    limiters = ModelLimiters(500, FastClock())
    models = [Calls(limiters.limiter(f"silent {number}")) for number in range(4)]
    tasks: list[asyncio.Task[None]] = []
    for model in models:
        tasks += model.start("a", 1_000)
        await yield_to_others()
    other = Calls(limiters.limiter("other"))
    tasks += other.start("b")
    await yield_to_others()

    assert [len(model.in_flight) for model in models] == [500, 100, 20, 4]
    assert other.in_flight == ["b"]
    for task in tasks:
        task.cancel()


async def test_a_free_slot_goes_to_the_model_with_the_fewest_calls() -> None:
    limiters = ModelLimiters(8, FastClock())
    many, few = Calls(limiters.limiter("many")), Calls(limiters.limiter("few"))
    tasks = many.start("a", 100)
    await yield_to_others()
    tasks += few.start("b", 100)
    await yield_to_others()

    for _ in range(10):
        await many.finish_one()

    assert sorted([len(many.in_flight), len(few.in_flight)]) == [4, 5]
    for task in tasks:
        task.cancel()


async def test_a_call_that_waits_for_a_shared_slot_heeds_a_pause_that_begins_meanwhile() -> None:
    clock = HeldClock()
    limiters = ModelLimiters(1, clock)
    busy = [Calls(limiters.limiter("one")), Calls(limiters.limiter("two"))]
    paused = Calls(limiters.limiter("three"))
    tasks = [*busy[0].start("a"), *busy[1].start("a"), *paused.start("b")]
    await yield_to_others()

    limiters.limiter("three").record_overload(60.0)
    await busy[0].finish_one()
    assert paused.started == []

    clock.seconds = 60.0
    await yield_to_others()
    assert paused.started == ["b"]
    for task in tasks:
        task.cancel()


async def test_cancelled_waits_for_a_shared_slot_leak_none() -> None:
    limiters = ModelLimiters(1, FastClock())
    busy, others = Calls(limiters.limiter("one")), Calls(limiters.limiter("two"))
    silent = Calls(limiters.limiter("three")).start("c")
    busy.start("a")
    await yield_to_others()
    for task in others.start("b", 3):
        await yield_to_others()
        task.cancel()
        await yield_to_others()

    await busy.finish_one()
    tasks = others.start("b")
    await yield_to_others()

    assert others.in_flight == ["b"]
    for task in tasks + silent:
        task.cancel()


async def test_the_limiters_of_the_models_used_last_are_kept() -> None:
    """Callers choose the names."""
    limiters = ModelLimiters(1, FastClock())
    first, second = limiters.limiter("first"), limiters.limiter("second")
    for number in range(998):
        limiters.limiter(f"model {number}")

    assert limiters.limiter("first") is first
    limiters.limiter("one more")

    assert limiters.limiter("first") is first
    assert limiters.limiter("second") is not second
