import pytest

from aether.domain.job import Kind, Status
from aether.domain.listing import MAX_PAGE_SIZE, JobPage
from aether.errors import FieldError
from aether.services.admission import Admission
from aether.services.jobs import Jobs
from tests.fakes import MemoryFiles, MemoryJobStore

EVERY = frozenset(Status)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(MemoryJobStore(), MemoryFiles())


async def test_the_next_page_begins_where_the_cursor_says(jobs: Jobs) -> None:
    submitted = {await jobs.submit(Kind.REPORT, Admission("ada"), b"{}") for _ in range(5)}

    pages = [await jobs.list(Kind.REPORT, "ada", EVERY, 2)]
    while pages[-1].next is not None:
        pages.append(await jobs.list(Kind.REPORT, "ada", EVERY, 2, pages[-1].next))

    listed = [entry.id for page in pages for entry in page.jobs]
    assert ([2, 2, 1], submitted) == ([len(page.jobs) for page in pages], set(listed))


async def test_anothers_jobs_are_not_listed_even_by_the_owners_cursor(jobs: Jobs) -> None:
    for _ in range(2):
        await jobs.submit(Kind.REPORT, Admission("ada"), b"{}")
    page = await jobs.list(Kind.REPORT, "ada", EVERY, 1)

    assert JobPage(()) == await jobs.list(Kind.REPORT, "eve", EVERY, 1, page.next)


async def test_a_cursor_that_no_page_has_given_is_refused(jobs: Jobs) -> None:
    with pytest.raises(FieldError) as refused:
        await jobs.list(Kind.REPORT, "ada", EVERY, 1, "nonsense")

    assert refused.value.field == "cursor"


@pytest.mark.parametrize("limit", [-1, 0, MAX_PAGE_SIZE + 1])
async def test_a_page_has_bounds(jobs: Jobs, limit: int) -> None:
    with pytest.raises(FieldError) as refused:
        await jobs.list(Kind.REPORT, "ada", EVERY, limit)

    assert refused.value.field == "limit"


async def test_the_longest_page_is_one_within_the_bounds(jobs: Jobs) -> None:
    assert JobPage(()) == await jobs.list(Kind.REPORT, "ada", EVERY, MAX_PAGE_SIZE)
