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
    broken: Exception | None = None

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        self.commits.append(change)
        if self.broken:
            raise self.broken
        return await super().commit(job_id, epoch, version, change)


async def begun(store: MemoryJobStore) -> Job:
    await store.create(NewJob("job", Kind.REPORT, "ada", b"{}"))
    job = await store.begin("job")
    assert job
    return job


def step(name: str, status: StepStatus = StepStatus.RUNNING) -> Change:
    return Change(steps=(Step(name, status=status),), usage=Usage(1))


async def test_what_is_noted_in_one_turn_is_one_commit() -> None:
    store = CountingStore()
    journal = Journal(store, await begun(store), FastClock())

    await asyncio.gather(*(journal.write(step(f"section:{at}")) for at in range(50)))

    assert [len(change.steps) for change in store.commits] == [50]
    assert Usage(50) == store.jobs["job"].usage


async def test_what_comes_up_during_a_commit_goes_along_with_the_next() -> None:
    store = CountingStore()
    journal = Journal(store, await begun(store), FastClock())

    first = journal.append(step("a"))
    await asyncio.sleep(0)
    rest = [journal.append(step(name)) for name in "bcd"]
    await asyncio.gather(first, *rest)

    assert [[step.name for step in change.steps] for change in store.commits] == [["a"], ["b", "c", "d"]]


async def test_of_one_steps_states_the_last_stands() -> None:
    store = CountingStore()
    journal = Journal(store, await begun(store), FastClock())

    journal.append(step("a"))
    await journal.write(step("a", StepStatus.DONE))

    assert [step.status for step in store.jobs["job"].steps] == [StepStatus.DONE]


async def test_a_refusal_reaches_all_who_wait_and_those_who_come_later() -> None:
    store = CountingStore()
    journal = Journal(store, await begun(store), FastClock())
    await store.move("job", Change(status=Status.CANCELLED))

    outcomes = await asyncio.gather(*(journal.write(step(name)) for name in "abc"), return_exceptions=True)

    assert [FencedError] * 3 == [type(outcome) for outcome in outcomes]
    with pytest.raises(FencedError):
        await journal.write(step("d"))


async def test_a_refused_note_for_which_nobody_waits_is_told_once_and_not_complained_of() -> None:
    store = CountingStore()
    told: list[str] = []
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    journal = Journal(store, await begun(store), FastClock(), on_fenced=lambda: told.append("fenced"))
    await store.erase("job")

    journal.append(step("a"))
    await journal.flush()
    gc.collect()

    assert (told, complaints) == (["fenced"], [])


async def test_an_error_that_nobody_foresaw_reaches_those_who_wait() -> None:
    store = CountingStore(broken=ZeroDivisionError())
    journal = Journal(store, await begun(store), FastClock())

    with pytest.raises(ZeroDivisionError):
        await journal.write(step("a"))


async def test_who_stops_waiting_takes_neither_the_commit_nor_the_others_along() -> None:
    store = CountingStore()
    journal = Journal(store, await begun(store), FastClock())

    impatient, patient = (asyncio.create_task(journal.write(step(name))) for name in "ab")
    await asyncio.sleep(0)
    impatient.cancel()
    await patient

    assert impatient.cancelled()
    assert sorted(step.name for step in store.jobs["job"].steps) == ["a", "b"]


async def test_settling_waits_for_what_was_noted_but_not_for_ever() -> None:
    store = CountingStore()
    journal = Journal(store, await begun(store), FastClock())
    await journal.flush()
    noted = journal.append(step("a"))
    await journal.flush()
    assert noted.done()

    store.away = True
    unwritten = journal.append(step("b"))
    await journal.flush(timeout_s=0.0)
    assert not unwritten.done()
