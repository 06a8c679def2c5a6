"""A worker whose clock is wrong does what others do: all times are the store's."""

from datetime import timedelta

import pytest

from aether.domain.job import Job, Status
from aether.durable.clock import StoreClock, SystemClock
from aether.errors import ModelFailedError
from tests.durable_harness import ID, NEW, DurableHarness
from tests.fakes import FastClock, ScriptedCalls, ShiftedClock

SHIFTS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400), timedelta(seconds=-90)]


def harness_with(*failures: Exception, job_timeout: float = 60.0) -> DurableHarness:
    return DurableHarness(calls=ScriptedCalls({"outline": list(failures)}), job_timeout=job_timeout)


async def perform(harness: DurableHarness, shift: timedelta) -> Job:
    clock = ShiftedClock(harness.clock, shift)
    await harness.worker(harness.one_step, clock=clock).perform(ID)
    return harness.job


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
async def test_a_job_neither_fails_nor_lives_longer_for_a_wrong_clock(shift: timedelta) -> None:
    harness = harness_with()
    await harness.store.create(NEW)
    harness.clock.seconds += 59

    assert (await perform(harness, shift)).status is Status.COMPLETED


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
async def test_a_job_beyond_its_deadline_fails_whatever_the_worker_s_clock_shows(shift: timedelta) -> None:
    harness = harness_with()
    await harness.store.create(NEW)
    harness.clock.seconds += 61

    job = await perform(harness, shift)

    assert (job.status, job.problem and job.problem.type) == (Status.FAILED, "deadline-exceeded")
    assert harness.calls.ended == []


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
async def test_the_times_in_a_record_are_the_store_s(shift: timedelta) -> None:
    harness = harness_with(ModelFailedError(500, retry_after=7.0))
    await harness.store.create(NEW)
    began = harness.clock.now()

    job = await perform(harness, shift)

    [failed], [step] = job.attempts, job.steps
    assert failed.at == step.started_at == began
    assert failed.next_retry_at is not None
    assert began + timedelta(seconds=7) <= failed.next_retry_at <= began + timedelta(seconds=7.5)
    assert step.finished_at == harness.clock.now() == failed.next_retry_at


def test_the_store_s_time_goes_on_as_fast_as_the_machine_s() -> None:
    machine = FastClock(seconds=100.0)
    clock = StoreClock(machine, machine.now() - timedelta(hours=1))

    machine.seconds += 2.5

    assert clock.now() == machine.now() - timedelta(hours=1)
    assert clock.monotonic() == machine.monotonic()


async def test_a_wait_is_the_machine_s() -> None:
    machine = FastClock()

    await StoreClock(machine, machine.now()).sleep(3.0)

    assert machine.slept == [3.0]


def test_the_machine_s_clock_shows_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
