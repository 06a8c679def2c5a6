import asyncio

import pytest
from structlog.testing import capture_logs

from aether.durable.background import BackgroundTasks
from tests.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aether.durable.background._RESTART_PAUSE_S", 0)
    monkeypatch.setattr("aether.durable.background._CANCEL_TIMEOUT_S", 0.001)


class Faulty:
    """A task that fails some times before it runs on."""

    def __init__(self, failures: int, failure: type[BaseException] = LookupError) -> None:
        self.failures = failures
        self.failure = failure
        self.starts = 0
        self.running = asyncio.Event()
        self.ended = False

    async def work(self) -> None:
        self.starts += 1
        if self.starts <= self.failures:
            raise self.failure
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.mark.parametrize("failure", [LookupError, asyncio.CancelledError])
async def test_a_failed_task_is_logged_and_restarted(failure: type[BaseException]) -> None:
    """So is a task into which an unrequested cancellation has leaked."""
    faulty = Faulty(3, failure)
    with capture_logs() as logs:
        async with BackgroundTasks(faulty.work), asyncio.timeout(PATIENCE_S):
            await faulty.running.wait()

    assert (faulty.starts, [entry["event"] for entry in logs]) == (4, ["background.failed"] * 3)


async def test_a_failure_does_not_disturb_other_tasks() -> None:
    faulty, other = Faulty(3), Faulty(0)
    async with BackgroundTasks(faulty.work, other.work):
        await faulty.running.wait()
        assert (other.starts, other.ended) == (1, False)


async def test_a_task_that_returns_is_not_restarted() -> None:
    starts = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal starts
        starts += 1
        done.set()

    async with BackgroundTasks(work):
        await done.wait()
        for _ in range(5):
            await asyncio.sleep(0)

    assert starts == 1


async def test_all_tasks_have_ended_when_the_block_ends() -> None:
    works = [Faulty(0), Faulty(0)]
    async with BackgroundTasks(*(each.work for each in works)):
        for each in works:
            await each.running.wait()

    assert [each.ended for each in works] == [True, True]


async def test_a_task_that_misses_a_cancellation_is_cancelled_again() -> None:
    missed = 0
    started = asyncio.Event()

    async def work() -> None:
        nonlocal missed
        started.set()
        while missed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                missed += 1

    async with BackgroundTasks(work):
        await started.wait()

    assert missed == 3


async def test_a_task_that_fails_while_it_is_cancelled_is_not_restarted() -> None:
    """As when its clean-up fails because the server is unavailable."""
    starts = 0
    started = asyncio.Event()

    async def work() -> None:
        nonlocal starts
        starts += 1
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    async with BackgroundTasks(work):
        await started.wait()

    assert starts == 1
