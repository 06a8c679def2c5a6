from collections.abc import Awaitable, Callable

import msgspec
import pytest

from aether.domain.events import StatusChanged
from aether.domain.job import Change, Job, Kind, Status, Step
from aether.durable.ports import Replay
from aether.errors import IllegalMoveError, QueueFullError, StoreUnavailableError, UnknownJobError
from aether.services.admission import Admission
from aether.services.jobs import Jobs
from tests.fakes import MemoryFiles, MemoryJobStore

Call = Callable[[Jobs, str], Awaitable[object]]

CALLS: dict[str, Call] = {
    "get": lambda jobs, job_id: jobs.get(Kind.REPORT, "eve", job_id),
    "cancel": lambda jobs, job_id: jobs.cancel(Kind.REPORT, "eve", job_id),
    "retry": lambda jobs, job_id: jobs.retry(Kind.REPORT, "eve", job_id),
    "erase": lambda jobs, job_id: jobs.erase(Kind.REPORT, "eve", job_id),
    "file": lambda jobs, job_id: jobs.file(Kind.REPORT, "eve", job_id, "cover"),
}


@pytest.fixture
def store() -> MemoryJobStore:
    return MemoryJobStore()


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def jobs(store: MemoryJobStore, files: MemoryFiles) -> Jobs:
    return Jobs(store, files)


async def submit(jobs: Jobs) -> str:
    return await jobs.submit(Kind.REPORT, Admission("ada"), b"{}", ("outline",))


async def test_a_submitted_job_is_stored_and_queued(jobs: Jobs, store: MemoryJobStore) -> None:
    job_id = await submit(jobs)

    job = await jobs.get(Kind.REPORT, "ada", job_id)

    assert (job_id, "ada", (Step("outline"),), [job_id]) == (job.id, job.owner, job.steps, store.queue)


async def test_every_job_has_a_unique_id(jobs: Jobs) -> None:
    assert len({await submit(jobs) for _ in range(50)}) == 50


async def test_a_request_gets_the_defaults_of_its_kind_and_keeps_what_it_has(store: MemoryJobStore) -> None:
    jobs = Jobs(store, MemoryFiles(), defaults={Kind.REPORT: {"checks": "report", "length": "brief"}})

    await jobs.submit(Kind.REPORT, Admission("ada"), b'{"topic":"Rome","length":"detailed"}')
    await jobs.submit(Kind.CHECKLIST, Admission("ada"), b'{"input_text":"Wash."}')

    report, checklist = (msgspec.json.decode(job.input) for job in store.jobs.values())
    assert report == {"topic": "Rome", "length": "detailed", "checks": "report"}
    assert checklist == {"input_text": "Wash."}


async def test_a_repeated_request_is_the_same_under_other_defaults(store: MemoryJobStore) -> None:
    admission = Admission("ada", idempotency_key="once")
    ids = {
        await Jobs(store, MemoryFiles(), defaults={Kind.REPORT: {"checks": checks}}).submit(
            Kind.REPORT, admission, b'{"topic":"Rome"}'
        )
        for checks in ("off", "rewrite")
    }

    (job,) = store.jobs.values()
    assert ids == {job.id}
    assert msgspec.json.decode(job.input)["checks"] == "off"


@pytest.mark.parametrize("call", CALLS)
async def test_another_owners_job_is_treated_as_missing(jobs: Jobs, store: MemoryJobStore, call: str) -> None:
    job_id = await submit(jobs)
    before = store.jobs[job_id]

    messages = set()
    for missing_id in (job_id, "never"):
        with pytest.raises(UnknownJobError) as refused:
            await CALLS[call](jobs, missing_id)
        messages.add(str(refused.value))

    assert (1, before) == (len(messages), store.jobs[job_id])


async def test_a_full_queue_is_reported() -> None:
    jobs = Jobs(MemoryJobStore(max_queue_length=1), MemoryFiles())
    await submit(jobs)

    with pytest.raises(QueueFullError):
        await submit(jobs)


async def test_cancelling_again_changes_nothing(jobs: Jobs) -> None:
    job_id = await submit(jobs)

    first, second = [await jobs.cancel(Kind.REPORT, "ada", job_id) for _ in range(2)]

    assert (Status.CANCELLED, first) == (first.job.status, second)


async def move_to(store: MemoryJobStore, job_id: str, status: Status) -> Job:
    await store.begin(job_id)
    await store.move(job_id, Change(status=status))
    return store.jobs[job_id]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
async def test_a_completed_or_failed_job_cannot_be_cancelled(jobs: Jobs, store: MemoryJobStore, status: Status) -> None:
    job_id = await submit(jobs)
    ended = await move_to(store, job_id, status)

    with pytest.raises(IllegalMoveError):
        await jobs.cancel(Kind.REPORT, "ada", job_id)

    assert ended == store.jobs[job_id]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED])
async def test_a_failed_or_cancelled_job_can_be_retried(jobs: Jobs, store: MemoryJobStore, status: Status) -> None:
    job_id = await submit(jobs)
    await move_to(store, job_id, status)

    retried = await jobs.retry(Kind.REPORT, "ada", job_id)

    assert (Status.PENDING, [job_id]) == (retried.job.status, store.queue)


async def test_retrying_a_queued_job_changes_nothing(jobs: Jobs, store: MemoryJobStore) -> None:
    job_id = await submit(jobs)
    queued = store.jobs[job_id]

    assert (await jobs.retry(Kind.REPORT, "ada", job_id)).job == queued


async def test_a_running_or_completed_job_cannot_be_retried(jobs: Jobs, store: MemoryJobStore) -> None:
    job_id = await submit(jobs)
    await move_to(store, job_id, Status.PROCESSING)
    with pytest.raises(IllegalMoveError):
        await jobs.retry(Kind.REPORT, "ada", job_id)
    await move_to(store, job_id, Status.COMPLETED)

    with pytest.raises(IllegalMoveError):
        await jobs.retry(Kind.REPORT, "ada", job_id)


async def test_an_erased_job_is_unknown(jobs: Jobs) -> None:
    job_id = await submit(jobs)

    await jobs.erase(Kind.REPORT, "ada", job_id)

    with pytest.raises(UnknownJobError):
        await jobs.get(Kind.REPORT, "ada", job_id)


async def test_an_owner_reads_a_file_whole_or_in_part(jobs: Jobs, files: MemoryFiles) -> None:
    job_id = await submit(jobs)
    await files.put(job_id, "cover", b"0123456789")

    read = [await jobs.file(Kind.REPORT, "ada", job_id, "cover", *part) for part in ((), (2,), (2, 5))]

    assert read == [b"0123456789", b"23456789", b"234"]


async def test_a_missing_file_is_none(jobs: Jobs) -> None:
    job_id = await submit(jobs)

    assert await jobs.file(Kind.REPORT, "ada", job_id, "cover") is None


async def test_erasing_a_job_erases_its_files(jobs: Jobs, files: MemoryFiles) -> None:
    job_id = await submit(jobs)
    await files.put(job_id, "cover", b"content")

    await jobs.erase(Kind.REPORT, "ada", job_id)

    assert files.files == {}


async def test_a_job_is_kept_while_its_files_cannot_be_erased(jobs: Jobs, files: MemoryFiles) -> None:
    job_id = await submit(jobs)
    await files.put(job_id, "cover", b"content")
    files.is_unavailable = True
    with pytest.raises(StoreUnavailableError):
        await jobs.erase(Kind.REPORT, "ada", job_id)
    files.is_unavailable = False

    await jobs.erase(Kind.REPORT, "ada", job_id)

    assert files.files == {}


async def test_events_after_a_version_are_replayed(jobs: Jobs, store: MemoryJobStore) -> None:
    job_id = await submit(jobs)
    job = await store.begin(job_id)
    assert job

    assert await jobs.replay(job, 1, 10) == Replay(((2, StatusChanged(Status.PROCESSING)),))
