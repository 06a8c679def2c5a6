"""On what terms jobs are taken."""

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
from aether.services.admission import Admission, keyed
from aether.services.jobs import Jobs
from tests.fakes import MemoryFiles, MemoryJobStore

ASKED = NewJob("4f9c", Kind.REPORT, "ada", b'{"topic":"Rome","metadata":{"a":"1","b":"2"}}')
HOOK = Webhook("https://example.com/hook")
ONCE = Admission("ada", key="k")


def once(job: NewJob, key: str = "k") -> Idempotency:
    known_by = keyed(job, key).once
    assert known_by
    return known_by


def test_the_same_request_under_the_same_key_is_known_again() -> None:
    again = replace(ASKED, id="other", plan=("outline",))

    assert once(ASKED) == once(again)


def test_neither_space_nor_the_order_of_members_makes_another_request() -> None:
    written_otherwise = replace(ASKED, input=b' {"metadata": {"b":"2", "a":"1"}, "topic":"R\\u006fme"}')

    assert once(ASKED) == once(written_otherwise)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, kind=Kind.CHECKLIST),
        replace(ASKED, input=b'{"topic":"Rome"}'),
        replace(ASKED, limits=Limits(tokens=5)),
        replace(ASKED, limits=Limits(seconds=5)),
        replace(ASKED, webhook=HOOK),
    ],
)
def test_whatever_else_is_asked_for_is_another_request_under_the_same_key(other: NewJob) -> None:
    assert once(ASKED).key == once(other).key
    assert once(ASKED).fingerprint != once(other).fingerprint


def test_the_order_of_a_webhooks_events_is_none() -> None:
    events = [frozenset({Status.FAILED, Status.COMPLETED}), frozenset({Status.COMPLETED, Status.FAILED})]

    first, second = (once(replace(ASKED, webhook=replace(HOOK, events=each))) for each in events)

    assert first == second


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_the_same_key_of_two_owners_is_two_keys(owners: list[str]) -> None:
    first, second = (once(replace(ASKED, owner=owner)).key for owner in owners)

    assert first != second


def test_an_owner_cannot_be_taken_for_a_part_of_a_key() -> None:
    assert once(replace(ASKED, owner="bc"), "a").key != once(replace(ASKED, owner="c"), "ab").key


def test_a_digest_tells_nothing_of_the_key() -> None:
    written = msgspec.json.encode(once(ASKED, "my-secret-order")).decode()

    assert "my-secret-order" not in written
    assert len(once(ASKED).key) == len(once(ASKED).fingerprint) == 64


@pytest.fixture
def store() -> MemoryJobStore:
    return MemoryJobStore()


def jobs(store: MemoryJobStore, most: int | None = None) -> Jobs:
    return Jobs(store, MemoryFiles(), most)


async def test_asking_again_under_a_key_returns_the_first_job(store: MemoryJobStore) -> None:
    ids = {await jobs(store).submit(Kind.REPORT, ONCE, b"{}") for _ in range(3)}

    assert ids == store.jobs.keys() == set(store.queue)


async def test_without_a_key_every_request_is_a_job(store: MemoryJobStore) -> None:
    ids = {await jobs(store).submit(Kind.REPORT, Admission("ada"), b"{}") for _ in range(3)}

    assert len(ids) == len(store.jobs) == 3


async def test_another_request_under_a_key_is_refused(store: MemoryJobStore) -> None:
    await jobs(store).submit(Kind.REPORT, ONCE, b"{}")

    with pytest.raises(IdempotencyKeyReusedError):
        await jobs(store).submit(Kind.REPORT, ONCE, b'{"topic":"Rome"}')

    assert len(store.jobs) == 1


@pytest.mark.parametrize(("own", "most"), [(None, 2), (1, 1), (3, 3)])
async def test_an_owners_own_number_of_jobs_goes_before_that_of_the_service(
    store: MemoryJobStore, own: int | None, most: int
) -> None:
    admission = Admission("ada", own)
    for _ in range(most):
        await jobs(store, 2).submit(Kind.REPORT, admission, b"{}")

    with pytest.raises(TooManyJobsError) as refused:
        await jobs(store, 2).submit(Kind.CHECKLIST, admission, b"{}")

    assert (most, most) == (refused.value.limit, len(store.jobs))


async def test_trying_again_counts_like_asking(store: MemoryJobStore) -> None:
    first = await jobs(store, 1).submit(Kind.REPORT, Admission("ada"), b"{}")
    await jobs(store, 1).cancel(Kind.REPORT, "ada", first)
    await jobs(store, 1).submit(Kind.REPORT, Admission("ada"), b"{}")

    with pytest.raises(TooManyJobsError):
        await jobs(store, 1).retry(Kind.REPORT, "ada", first)

    assert (await jobs(store, 1).retry(Kind.REPORT, "ada", first, most=2)).job.status is Status.PENDING


async def test_trying_again_what_is_queued_already_takes_no_place(store: MemoryJobStore) -> None:
    first = await jobs(store, 1).submit(Kind.REPORT, Admission("ada"), b"{}")

    assert (await jobs(store, 1).retry(Kind.REPORT, "ada", first)).job.id == first


async def test_a_known_request_needs_no_place(store: MemoryJobStore) -> None:
    first = await jobs(store, 1).submit(Kind.REPORT, ONCE, b"{}")
    store.longest = 1
    with pytest.raises(QueueFullError):
        await jobs(store, 1).submit(Kind.REPORT, Admission("eve"), b"{}")

    assert await jobs(store, 1).submit(Kind.REPORT, ONCE, b"{}") == first
    await store.move(first, Change(status=Status.FAILED))
    assert (await jobs(store, 1).submit(Kind.REPORT, ONCE, b"{}"), store.queue) == (first, [])
