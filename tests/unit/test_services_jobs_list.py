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


async def test_the_next_page_starts_at_the_cursor(jobs: Jobs) -> None:
    submitted = {await jobs.submit(Kind.REPORT, Admission("ada"), b"{}") for _ in range(5)}

    pages = [await jobs.list(Kind.REPORT, "ada", EVERY, 2)]
    while pages[-1].next is not None:
        pages.append(await jobs.list(Kind.REPORT, "ada", EVERY, 2, pages[-1].next))

    listed = [entry.id for page in pages for entry in page.jobs]
    assert ([2, 2, 1], submitted) == ([len(page.jobs) for page in pages], set(listed))


async def test_another_owners_jobs_are_not_listed_even_with_their_cursor(jobs: Jobs) -> None:
    for _ in range(2):
        await jobs.submit(Kind.REPORT, Admission("ada"), b"{}")
    page = await jobs.list(Kind.REPORT, "ada", EVERY, 1)

    assert JobPage(()) == await jobs.list(Kind.REPORT, "eve", EVERY, 1, page.next)


async def test_an_invalid_cursor_is_rejected(jobs: Jobs) -> None:
    with pytest.raises(FieldError) as refused:
        await jobs.list(Kind.REPORT, "ada", EVERY, 1, "nonsense")

    assert refused.value.field == "cursor"


@pytest.mark.parametrize("limit", [-1, 0, MAX_PAGE_SIZE + 1])
async def test_a_limit_out_of_bounds_is_rejected(jobs: Jobs, limit: int) -> None:
    with pytest.raises(FieldError) as refused:
        await jobs.list(Kind.REPORT, "ada", EVERY, limit)

    assert refused.value.field == "limit"


async def test_the_maximum_page_size_is_allowed(jobs: Jobs) -> None:
    assert JobPage(()) == await jobs.list(Kind.REPORT, "ada", EVERY, MAX_PAGE_SIZE)
