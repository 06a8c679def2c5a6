import asyncio
import gc
from dataclasses import dataclass, field

import pytest

from aether.domain.job import Change, Job, Kind, Status, Step, StepStatus, Usage
from aether.durable.journal import Journal
from aether.durable.ports import Committed, NewJob
from aether.errors import FencedError
from tests.fakes import FastClock, MemoryJobStore


@dataclass
class CountingStore(MemoryJobStore):
    commits: list[Change] = field(default_factory=list)
    failure: Exception | None = None

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        self.commits.append(change)
        if self.failure:
            raise self.failure
        return await super().commit(job_id, epoch, version, change)


async def start_job(store: MemoryJobStore) -> Job:
    await store.create(NewJob("job", Kind.REPORT, "ada", b"{}"))
    job = await store.begin("job")
    assert job
    return job


def step(name: str, status: StepStatus = StepStatus.RUNNING) -> Change:
    return Change(steps=(Step(name, status=status),), usage=Usage(1))


async def test_changes_appended_together_are_one_commit() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())

    await asyncio.gather(*(journal.write(step(f"section:{at}")) for at in range(50)))

    assert [len(change.steps) for change in store.commits] == [50]
    assert Usage(50) == store.jobs["job"].usage


async def test_changes_appended_during_a_commit_go_into_the_next() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())

    first = journal.append(step("a"))
    while not store.commits:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0)
    rest = [journal.append(step(name)) for name in "bcd"]
    await asyncio.gather(first, *rest)

    assert [[step.name for step in change.steps] for change in store.commits] == [["a"], ["b", "c", "d"]]


async def test_a_change_waits_for_those_of_steps_that_run() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())
    await journal.write(step("a") + step("b"))

    first = journal.append(step("a", StepStatus.DONE))
    for _ in range(10):
        await asyncio.sleep(0)
    last = journal.append(step("b", StepStatus.DONE))
    await asyncio.gather(first, last)

    assert [[each.name for each in change.steps] for change in store.commits] == [["a", "b"], ["a", "b"]]


async def test_a_change_does_not_wait_if_no_other_step_runs() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())

    first = journal.append(step("a", StepStatus.DONE))
    for _ in range(10):
        await asyncio.sleep(0)

    assert first.done()


async def test_the_last_state_of_a_step_wins() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())

    journal.append(step("a"))
    await journal.write(step("a", StepStatus.DONE))

    assert [step.status for step in store.jobs["job"].steps] == [StepStatus.DONE]


async def test_a_fenced_commit_fails_all_current_and_later_changes() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())
    await store.move("job", Change(status=Status.CANCELLED))

    outcomes = await asyncio.gather(*(journal.write(step(name)) for name in "abc"), return_exceptions=True)

    assert [FencedError] * 3 == [type(outcome) for outcome in outcomes]
    with pytest.raises(FencedError):
        await journal.write(step("d"))


async def test_a_fenced_change_that_nobody_awaits_calls_on_fenced_once_and_is_not_reported() -> None:
    store = CountingStore()
    calls: list[str] = []
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    journal = Journal(store, await start_job(store), FastClock(), on_fenced=lambda: calls.append("fenced"))
    await store.erase("job")

    journal.append(step("a"))
    await journal.flush()
    gc.collect()

    assert (calls, reports) == (["fenced"], [])


async def test_an_unexpected_error_is_raised_to_those_who_wait() -> None:
    store = CountingStore(failure=ZeroDivisionError())
    journal = Journal(store, await start_job(store), FastClock())

    with pytest.raises(ZeroDivisionError):
        await journal.write(step("a"))


async def test_cancelling_a_write_cancels_neither_the_commit_nor_other_writes() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())

    cancelled, other = (asyncio.create_task(journal.write(step(name))) for name in "ab")
    await asyncio.sleep(0)
    cancelled.cancel()
    await other

    assert cancelled.cancelled()
    assert sorted(step.name for step in store.jobs["job"].steps) == ["a", "b"]


async def test_flushing_waits_for_appended_changes_up_to_a_timeout() -> None:
    store = CountingStore()
    journal = Journal(store, await start_job(store), FastClock())
    await journal.flush()
    written = journal.append(step("a"))
    await journal.flush()
    assert written.done()

    store.is_unavailable = True
    unwritten = journal.append(step("b"))
    await journal.flush(timeout_s=0.0)
    assert not unwritten.done()
