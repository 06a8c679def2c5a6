"""Lists of jobs: pages, filters and their rules."""

import re

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Change, Status
from tests.fakes import FastClock
from tests.service.api_harness import ApiHarness, assert_field_error
from tests.service.resources import CHECKLISTS, EVERY_KIND, GENERATIONS, REPORTS, RESOURCES, Resource

Client = AsyncTestClient[Litestar]
IDS = [f"00000000-0000-4000-8000-00000000000{at}" for at in range(5)]


@pytest.fixture
def clock(harness: ApiHarness) -> FastClock:
    """The clock of the store."""
    harness.store.clock = clock = FastClock()
    return clock


async def create_five_jobs(harness: ApiHarness, clock: FastClock, resource: Resource) -> None:
    """Store five jobs, one second apart."""
    for job_id in IDS:
        await harness.create_job(resource, job_id)
        clock.seconds += 1


async def list_ids(client: Client, resource: Resource, query: str = "") -> list[str]:
    answer = await client.get(f"{resource.path}{resource.slash}{query}")
    assert answer.status_code == 200, answer.text
    return [job[resource.id_name] for job in answer.json()[resource.plural]]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (REPORTS, '"topic":"Rome","status":"pending","progress":0.0,{createdAt},{updatedAt},"expiresAt"'),
        (
            CHECKLISTS,
            '"excerpt":"Wash your hands.","status":"pending","progress":0.0,{created_at},{updated_at},"expires_at"',
        ),
        (
            GENERATIONS,
            '"prompt":"A lighthouse","status":"PENDING","progress":0.0,{createdAt},{updatedAt},"expiresAt"',
        ),
    ],
    ids=["reports", "jobs", "generations"],
)
async def test_a_job_in_a_list_has_a_short_text_and_its_status(
    client: Client, harness: ApiHarness, clock: FastClock, resource: Resource, expected: str
) -> None:
    assert clock.seconds == 0
    job_id = await harness.create_job(resource)

    answer = await client.get(resource.path)

    line = re.sub(r"\{(\w+)\}", r'"\1":"2026-01-01T00:00:00Z"', expected)
    assert answer.text == (
        f'{{"{resource.plural}":[{{"{resource.id_name}":"{job_id}",{line}:"2026-01-02T00:00:00Z","version":1}}]}}'
    )


@EVERY_KIND
async def test_a_caller_without_jobs_has_an_empty_list(client: Client, resource: Resource) -> None:
    answer = await client.get(resource.path)

    assert answer.text == f'{{"{resource.plural}":[]}}'


@EVERY_KIND
async def test_pages_are_ordered_newest_first(
    client: Client, harness: ApiHarness, clock: FastClock, resource: Resource
) -> None:
    await create_five_jobs(harness, clock, resource)

    pages = [(await client.get(f"{resource.path}?limit=2")).json()]
    while cursor := pages[-1].get(resource.next_name):
        pages.append((await client.get(resource.path, params={"limit": 2, "cursor": cursor})).json())

    pages_of_ids = [[job[resource.id_name] for job in page[resource.plural]] for page in pages]
    assert pages_of_ids == [[IDS[4], IDS[3]], [IDS[2], IDS[1]], [IDS[0]]]


async def test_a_page_has_twenty_jobs_by_default(client: Client, harness: ApiHarness) -> None:
    for at in range(25):
        await harness.create_job(REPORTS, f"00000000-0000-4000-8000-{at:012}")

    assert (len(await list_ids(client, REPORTS)), len(await list_ids(client, REPORTS, "?limit=100"))) == (20, 25)


@EVERY_KIND
async def test_a_list_can_be_filtered_by_status(
    client: Client, harness: ApiHarness, clock: FastClock, resource: Resource
) -> None:
    await create_five_jobs(harness, clock, resource)
    await harness.process(IDS[1])
    await harness.process(IDS[2], Change(status=Status.COMPLETED))
    await harness.process(IDS[3], Change(status=Status.FAILED))
    await harness.store.move(IDS[4], Change(status=Status.CANCELLED))

    status_by_id = dict(zip(IDS, Status, strict=True))
    for word in set(resource.words.values()):
        expected = [job_id for job_id, status in status_by_id.items() if resource.words[status] == word]
        assert await list_ids(client, resource, f"?status={word}") == expected[::-1]


@EVERY_KIND
async def test_jobs_of_other_owners_and_of_other_kinds_are_not_listed(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    for job_id, other in zip(IDS, RESOURCES, strict=False):
        await harness.create_job(other, job_id)
    await harness.create_job(resource, IDS[4], owner="somebody-else")

    assert await list_ids(client, resource) == [IDS[RESOURCES.index(resource)]]


async def test_a_list_shows_the_start_of_a_guideline(client: Client, harness: ApiHarness) -> None:
    await client.post("/jobs/", json={"input_text": "é" * 20_000})

    (line,) = (await client.get("/jobs/")).json()["jobs"]
    assert line["excerpt"] == "é" * 200
    assert list(harness.store.jobs) == [line["id"]]


@EVERY_KIND
@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ("limit=0", "limit", "must be at least 1"),
        ("limit=101", "limit", "must be at most 100"),
        ("limit=many", "limit", "must be a whole number"),
        ("limit=", "limit", "must be a whole number"),
        ("limit=" + "9" * 5_000, "limit", "is a number out of range"),
        ("status=null", "status", "must not be null"),
        ("status=NULL", "status", "must not be null"),
        ("limit=1&limit=2", "limit", "must be given only once"),
        ("limit=1&cursor=a&cursor=b", "cursor", "must be given only once"),
        ("cursor=", "cursor", "must be one that a page has given"),
        ("cursor=null", "cursor", "must be one that a page has given"),
        ("cursor=%00", "cursor", "must be one that a page has given"),
    ],
)
async def test_an_invalid_parameter_is_rejected(
    client: Client, resource: Resource, query: str, field: str, rule: str
) -> None:
    answer = await client.get(f"{resource.path}?{query}")

    assert_field_error(answer, resource.path, field, rule)


@EVERY_KIND
async def test_an_unknown_status_is_rejected_with_the_valid_ones(client: Client, resource: Resource) -> None:
    answer = await client.get(f"{resource.path}?status=done")

    words = ", ".join(dict.fromkeys(resource.words.values()))
    expected = [{"field": "status", "rule": f"must be one of: {words}"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)
