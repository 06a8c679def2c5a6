"""Checklists over HTTP, from creation to their end; the JSON is compared as text."""

import re

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.checklist import Checklist, Item, Summary
from aether.domain.job import Change, Problem, Status
from tests.service.api_harness import ApiHarness, fail, finished_step
from tests.service.resources import CHECKLISTS

Client = AsyncTestClient[Litestar]

TEXT = "Wash your hands."
FINISH_SUMMARY = Change(total=2, steps=(finished_step("summary", 0, Summary("Clean hands.")),))
FINISH_CHECKLIST = Change(
    steps=(
        finished_step(
            "checklist", 1, Checklist((Item("Wash both hands.", TEXT), Item("Use soap — and “water”.", "hands")))
        ),
    )
)
COMPLETED = Change(status=Status.COMPLETED)
ITEMS = '[{"text":"Wash both hands.","quote":"Wash your hands."},{"text":"Use soap — and “water”.","quote":"hands"}]'


async def show_job(client: Client, harness: ApiHarness) -> str:
    """Return the JSON of the job without its id, text and times, which are checked here."""
    answer = await client.get(CHECKLISTS.url())
    job = harness.store.jobs.popitem()[1]
    created, updated = (msgspec.json.encode(moment).decode() for moment in (job.created_at, job.updated_at))
    found = re.fullmatch(
        rf'\{{"id":"{job.id}","input_text":"{TEXT}",(.*),"created_at":{created},"updated_at":{updated}(.*)\}}',
        answer.text,
    )
    assert answer.status_code == 200
    assert found, answer.text
    return found[1] + found[2]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_guideline_is_accepted_with_just_an_id(client: Client, harness: ApiHarness, slash: str) -> None:
    answer = await client.post(f"/jobs{slash}", json={"input_text": TEXT})

    (job_id,) = harness.store.jobs
    assert (answer.status_code, answer.text) == (201, f'{{"event_id":"{job_id}"}}')
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_new_job_has_neither_summary_nor_checklist(client: Client, harness: ApiHarness) -> None:
    await harness.create_job(CHECKLISTS)

    assert await show_job(client, harness) == '"status":"pending","summary":null,"checklist":null'


async def test_the_summary_is_shown_before_the_checklist_is_finished(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), FINISH_SUMMARY)

    assert await show_job(client, harness) == '"status":"running","summary":"Clean hands.","checklist":null'


async def test_a_successful_job_has_its_items_with_their_sources(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), FINISH_SUMMARY, FINISH_CHECKLIST, COMPLETED)

    assert await show_job(client, harness) == (
        '"status":"succeeded","summary":"Clean hands.",'
        f'"checklist":"- Wash both hands.\\n- Use soap — and “water”.","items":{ITEMS}'
    )


async def test_a_failed_job_has_an_error_and_keeps_its_summary(client: Client, harness: ApiHarness) -> None:
    problem = Problem("model-refused", "Checklist failed: The model declined.", "checklist")
    await harness.process(await harness.create_job(CHECKLISTS), FINISH_SUMMARY, fail(problem))

    assert await show_job(client, harness) == (
        '"status":"failed","summary":"Clean hands.","checklist":null,"error":"Checklist failed: The model declined."'
    )


async def test_a_job_that_failed_without_a_problem_has_an_error_too(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), Change(status=Status.FAILED))

    assert (await show_job(client, harness)).endswith(',"error":"The job failed without a word."')


async def test_a_cancelled_job_has_failed_with_that_error(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), FINISH_SUMMARY)
    await client.post(CHECKLISTS.url(action="/cancel"))

    assert await show_job(client, harness) == (
        '"status":"failed","summary":"Clean hands.","checklist":null,"error":"cancelled"'
    )
