"""Admission of jobs: job limits and idempotency keys."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aether.domain.idempotency import Idempotency
from aether.domain.job import Change, Kind, Limits, Status
from aether.domain.webhook import Webhook
from aether.durable.ports import NewJob
from aether.errors import IdempotencyKeyReusedError, QueueFullError, TooManyJobsError
from aether.services.admission import Admission, with_idempotency_key
from aether.services.jobs import Jobs
from tests.fakes import MemoryFiles, MemoryJobStore

NEW_JOB = NewJob("4f9c", Kind.REPORT, "ada", b'{"topic":"Rome","metadata":{"a":"1","b":"2"}}')
HOOK = Webhook("https://example.com/hook")
WITH_KEY = Admission("ada", idempotency_key="k")


def idempotency_of(job: NewJob, key: str = "k") -> Idempotency:
    idempotency = with_idempotency_key(job, key).idempotency
    assert idempotency
    return idempotency


def test_a_repeated_request_with_the_same_key_has_the_same_fingerprint() -> None:
    again = replace(NEW_JOB, id="other", plan=("outline",))

    assert idempotency_of(NEW_JOB) == idempotency_of(again)


def test_white_space_and_member_order_do_not_change_the_fingerprint() -> None:
    reformatted = replace(NEW_JOB, input=b' {"metadata": {"b":"2", "a":"1"}, "topic":"R\\u006fme"}')

    assert idempotency_of(NEW_JOB) == idempotency_of(reformatted)


@pytest.mark.parametrize(
    "other",
    [
        replace(NEW_JOB, kind=Kind.CHECKLIST),
        replace(NEW_JOB, input=b'{"topic":"Rome"}'),
        replace(NEW_JOB, limits=Limits(tokens=5)),
        replace(NEW_JOB, limits=Limits(seconds=5)),
        replace(NEW_JOB, webhook=HOOK),
    ],
)
def test_any_other_content_changes_the_fingerprint_but_not_the_key(other: NewJob) -> None:
    assert idempotency_of(NEW_JOB).key == idempotency_of(other).key
    assert idempotency_of(NEW_JOB).fingerprint != idempotency_of(other).fingerprint


def test_the_order_of_a_webhooks_events_does_not_matter() -> None:
    events = [frozenset({Status.FAILED, Status.COMPLETED}), frozenset({Status.COMPLETED, Status.FAILED})]

    first, second = (idempotency_of(replace(NEW_JOB, webhook=replace(HOOK, events=each))) for each in events)

    assert first == second


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_the_same_key_of_two_owners_gives_two_digests(owners: list[str]) -> None:
    first, second = (idempotency_of(replace(NEW_JOB, owner=owner)).key for owner in owners)

    assert first != second


def test_key_and_owner_cannot_be_confused() -> None:
    assert (
        idempotency_of(replace(NEW_JOB, owner="bc"), "a").key != idempotency_of(replace(NEW_JOB, owner="c"), "ab").key
    )


def test_the_digest_does_not_reveal_the_key() -> None:
    encoded = msgspec.json.encode(idempotency_of(NEW_JOB, "my-secret-order")).decode()

    assert "my-secret-order" not in encoded
    assert len(idempotency_of(NEW_JOB).key) == len(idempotency_of(NEW_JOB).fingerprint) == 64


@pytest.fixture
def store() -> MemoryJobStore:
    return MemoryJobStore()


def jobs(store: MemoryJobStore, max_jobs: int | None = None) -> Jobs:
    return Jobs(store, MemoryFiles(), max_jobs)


async def test_repeating_a_request_with_a_key_returns_the_first_job(store: MemoryJobStore) -> None:
    ids = {await jobs(store).submit(Kind.REPORT, WITH_KEY, b"{}") for _ in range(3)}

    assert ids == store.jobs.keys() == set(store.queue)


async def test_without_a_key_every_request_creates_a_job(store: MemoryJobStore) -> None:
    ids = {await jobs(store).submit(Kind.REPORT, Admission("ada"), b"{}") for _ in range(3)}

    assert len(ids) == len(store.jobs) == 3


async def test_another_request_with_a_used_key_is_rejected(store: MemoryJobStore) -> None:
    await jobs(store).submit(Kind.REPORT, WITH_KEY, b"{}")

    with pytest.raises(IdempotencyKeyReusedError):
        await jobs(store).submit(Kind.REPORT, WITH_KEY, b'{"topic":"Rome"}')

    assert len(store.jobs) == 1


@pytest.mark.parametrize(("own", "max_jobs"), [(None, 2), (1, 1), (3, 3)])
async def test_an_owners_job_limit_overrides_that_of_the_service(
    store: MemoryJobStore, own: int | None, max_jobs: int
) -> None:
    admission = Admission("ada", own)
    for _ in range(max_jobs):
        await jobs(store, 2).submit(Kind.REPORT, admission, b"{}")

    with pytest.raises(TooManyJobsError) as refused:
        await jobs(store, 2).submit(Kind.CHECKLIST, admission, b"{}")

    assert (max_jobs, max_jobs) == (refused.value.limit, len(store.jobs))


async def test_a_retry_counts_towards_the_job_limit(store: MemoryJobStore) -> None:
    first = await jobs(store, 1).submit(Kind.REPORT, Admission("ada"), b"{}")
    await jobs(store, 1).cancel(Kind.REPORT, "ada", first)
    await jobs(store, 1).submit(Kind.REPORT, Admission("ada"), b"{}")

    with pytest.raises(TooManyJobsError):
        await jobs(store, 1).retry(Kind.REPORT, "ada", first)

    assert (await jobs(store, 1).retry(Kind.REPORT, "ada", first, max_jobs=2)).job.status is Status.PENDING


async def test_retrying_a_queued_job_is_not_limited(store: MemoryJobStore) -> None:
    first = await jobs(store, 1).submit(Kind.REPORT, Admission("ada"), b"{}")

    assert (await jobs(store, 1).retry(Kind.REPORT, "ada", first)).job.id == first


async def test_a_repeated_request_is_not_limited(store: MemoryJobStore) -> None:
    first = await jobs(store, 1).submit(Kind.REPORT, WITH_KEY, b"{}")
    store.max_queue_length = 1
    with pytest.raises(QueueFullError):
        await jobs(store, 1).submit(Kind.REPORT, Admission("eve"), b"{}")

    assert await jobs(store, 1).submit(Kind.REPORT, WITH_KEY, b"{}") == first
    await store.move(first, Change(status=Status.FAILED))
    assert (await jobs(store, 1).submit(Kind.REPORT, WITH_KEY, b"{}"), store.queue) == (first, [])
