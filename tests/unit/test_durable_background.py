import asyncio

import pytest
from structlog.testing import capture_logs

from aether.durable.background import BackgroundTasks


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aether.durable.background._RESTART_PAUSE_S", 0)
    monkeypatch.setattr("aether.durable.background._CANCEL_TIMEOUT_S", 0.001)


class Faulty:
    """Work that fails so many times before it goes on for good."""

    def __init__(self, failures: int, failure: type[BaseException] = LookupError) -> None:
        self.failures = failures
        self.failure = failure
        self.begun = 0
        self.goes_on = asyncio.Event()
        self.ended = False

    async def work(self) -> None:
        self.begun += 1
        if self.begun <= self.failures:
            raise self.failure
        self.goes_on.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.mark.parametrize("failure", [LookupError, asyncio.CancelledError])
async def test_work_that_fails_begins_anew_and_is_told_of(failure: type[BaseException]) -> None:
    """So does work into which a cancellation has leaked that nobody asked for."""
    faulty = Faulty(3, failure)
    with capture_logs() as logs:
        async with BackgroundTasks(faulty.work), asyncio.timeout(5):
            await faulty.goes_on.wait()

    assert (faulty.begun, [entry["event"] for entry in logs]) == (4, ["background.failed"] * 3)


async def test_what_fails_does_not_disturb_what_does_not() -> None:
    faulty, sound = Faulty(3), Faulty(0)
    async with BackgroundTasks(faulty.work, sound.work):
        await faulty.goes_on.wait()
        assert (sound.begun, sound.ended) == (1, False)


async def test_work_that_is_done_is_not_begun_anew() -> None:
    begun = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        done.set()

    async with BackgroundTasks(work):
        await done.wait()
        for _ in range(5):
            await asyncio.sleep(0)

    assert begun == 1


async def test_all_has_ended_when_the_block_has() -> None:
    works = [Faulty(0), Faulty(0)]
    async with BackgroundTasks(*(each.work for each in works)):
        for each in works:
            await each.goes_on.wait()

    assert [each.ended for each in works] == [True, True]


async def test_work_that_misses_a_cancellation_is_cancelled_again() -> None:
    missed = 0
    begun = asyncio.Event()

    async def work() -> None:
        nonlocal missed
        begun.set()
        while missed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                missed += 1

    async with BackgroundTasks(work):
        await begun.wait()

    assert missed == 3


async def test_work_that_fails_as_it_ends_does_not_begin_anew() -> None:
    """As when it would take something back, and the server is away."""
    begun = 0
    waits = asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        waits.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    async with BackgroundTasks(work):
        await waits.wait()

    assert begun == 1
