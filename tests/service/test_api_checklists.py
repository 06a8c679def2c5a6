"""The life of a checklist over HTTP, byte for byte."""

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
SUMMARISED = Change(total=2, steps=(finished_step("summary", 0, Summary("Clean hands.")),))
LISTED = Change(
    steps=(
        finished_step(
            "checklist", 1, Checklist((Item("Wash both hands.", TEXT), Item("Use soap — and “water”.", "hands")))
        ),
    )
)
COMPLETED = Change(status=Status.COMPLETED)
ITEMS = '[{"text":"Wash both hands.","quote":"Wash your hands."},{"text":"Use soap — and “water”.","quote":"hands"}]'


async def shown(client: Client, harness: ApiHarness) -> str:
    """Return the job as the wire shows it, checked but for what stands between its id and its times."""
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
async def test_a_guideline_is_accepted_with_the_id_alone(client: Client, harness: ApiHarness, slash: str) -> None:
    answer = await client.post(f"/jobs{slash}", json={"input_text": TEXT})

    (job_id,) = harness.store.jobs
    assert (answer.status_code, answer.text) == (201, f'{{"event_id":"{job_id}"}}')
    assert answer.headers["Content-Type"] == "application/json"


async def test_a_new_job_has_neither_summary_nor_checklist(client: Client, harness: ApiHarness) -> None:
    await harness.create_job(CHECKLISTS)

    assert await shown(client, harness) == '"status":"pending","summary":null,"checklist":null'


async def test_the_summary_shows_while_the_checklist_is_being_made(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), SUMMARISED)

    assert await shown(client, harness) == '"status":"running","summary":"Clean hands.","checklist":null'


async def test_a_job_that_succeeded_has_its_bullets_with_their_sources(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), SUMMARISED, LISTED, COMPLETED)

    assert await shown(client, harness) == (
        '"status":"succeeded","summary":"Clean hands.",'
        f'"checklist":"- Wash both hands.\\n- Use soap — and “water”.","items":{ITEMS}'
    )


async def test_a_job_that_failed_says_why_and_keeps_its_summary(client: Client, harness: ApiHarness) -> None:
    why = Problem("model-refused", "Checklist failed: The model declined.", "checklist")
    await harness.process(await harness.create_job(CHECKLISTS), SUMMARISED, fail(why))

    assert await shown(client, harness) == (
        '"status":"failed","summary":"Clean hands.","checklist":null,"error":"Checklist failed: The model declined."'
    )


async def test_a_job_that_failed_without_a_word_still_has_an_error(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), Change(status=Status.FAILED))

    assert (await shown(client, harness)).endswith(',"error":"The job failed without a word."')


async def test_a_job_that_was_cancelled_has_failed_with_that_error(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(CHECKLISTS), SUMMARISED)
    await client.post(CHECKLISTS.url(action="/cancel"))

    assert await shown(client, harness) == (
        '"status":"failed","summary":"Clean hands.","checklist":null,"error":"cancelled"'
    )
