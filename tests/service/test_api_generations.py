"""The life of a generation over HTTP, byte for byte."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Attempt, Change, Problem, Status
from tests.service.api_harness import ApiHarness, fail
from tests.service.resources import GENERATIONS, UNKNOWN

Client = AsyncTestClient[Litestar]

AT = datetime(2026, 1, 1, tzinfo=UTC)
BUSY = Attempt("image:0", 1, AT, "Busy.", AT + timedelta(seconds=2.5), status=429)
REFUSED = Attempt("image:1", 2, AT, "Refused.")
ATTEMPTS = (
    '[{"number":1,"step":"image:0","at":"2026-01-01T00:00:00Z","status":429,"error":"Busy.","waitSeconds":2.5,'
    '"nextRetryAt":"2026-01-01T00:00:02.500000Z"},'
    '{"number":2,"step":"image:1","at":"2026-01-01T00:00:00Z","error":"Refused."}]'
)


async def shown(client: Client, harness: ApiHarness) -> str:
    """Return the job as the wire shows it, without its id, prompt and times, which are checked."""
    answer = await client.get(GENERATIONS.url())
    job = harness.store.jobs.popitem()[1]
    created, updated = (msgspec.json.encode(moment).decode() for moment in (job.created_at, job.updated_at))
    found = re.fullmatch(
        rf'\{{"generationId":"{job.id}",(.*),"prompt":"A lighthouse",(.*),'
        rf'"createdAt":{created},"updatedAt":{updated}\}}',
        answer.text,
    )
    assert answer.status_code == 200
    assert found, answer.text
    return f"{found[1]},{found[2]}"


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_prompt_is_accepted_with_the_id_and_where_it_stands(
    client: Client, harness: ApiHarness, slash: str
) -> None:
    answer = await client.post(f"/api/generation{slash}", json={"prompt": "A lighthouse"})

    (job_id,) = harness.store.jobs
    assert (answer.status_code, answer.text) == (202, f'{{"generationId":"{job_id}","status":"PENDING"}}')


async def test_the_worker_reads_what_was_asked_for_and_each_image_is_planned(
    client: Client, harness: ApiHarness
) -> None:
    body = {"prompt": "A lighthouse", "count": 3, "size": "1024x1536"}
    await client.post("/api/generation", json=body)

    (job,) = harness.store.jobs.values()
    assert msgspec.json.decode(job.input) == body
    assert [step.name for step in job.steps] == ["image:0", "image:1", "image:2"]


async def test_without_an_image_model_the_answer_says_what_to_set(harness: ApiHarness) -> None:
    async with harness.client(image_model=None) as client:
        answer = await client.post("/api/generation", json={"prompt": "A lighthouse"})

    assert answer.json() == {
        "type": "urn:aether:problem:no-image-model",
        "title": "No image model",
        "status": 501,
        "detail": "No image model is set; set AETHER_IMAGE_MODEL for the API and its workers.",
        "instance": "/api/generation",
    }
    assert harness.store.jobs == {}


async def test_without_an_image_model_what_is_there_is_still_shown(harness: ApiHarness) -> None:
    await harness.create_job(GENERATIONS)
    async with harness.client(image_model=None) as client:
        answer = await client.get(GENERATIONS.url())

    assert answer.status_code == 200


@pytest.mark.parametrize("begun", [False, True])
async def test_a_job_is_pending_from_the_first_moment(client: Client, harness: ApiHarness, *, begun: bool) -> None:
    await harness.create_job(GENERATIONS)
    if begun:
        await harness.process(UNKNOWN)

    assert await shown(client, harness) == '"status":"PENDING","attempts":[],"failedAttempts":0'


async def test_every_attempt_that_failed_shows_at_once(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(GENERATIONS), Change(attempts=(BUSY, REFUSED)))

    assert await shown(client, harness) == f'"status":"PENDING","attempts":{ATTEMPTS},"failedAttempts":2'


async def test_a_job_that_is_complete_has_the_addresses_of_its_images(client: Client, harness: ApiHarness) -> None:
    accepted = await client.post("/api/generation", json={"prompt": "A lighthouse", "count": 2})
    job_id = accepted.json()["generationId"]
    await harness.process(job_id, Change(status=Status.COMPLETED))

    answer = await client.get(f"/api/generation/{job_id}")

    url = f"{client.base_url}/api/generation/{job_id}/images"
    assert list(answer.json())[:4] == ["generationId", "status", "prompt", "images"]
    assert answer.json()["status"] == "COMPLETE"
    assert answer.json()["images"] == [f"{url}/0", f"{url}/1"]


async def test_the_addresses_of_images_are_those_by_which_the_caller_came(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(GENERATIONS), Change(status=Status.COMPLETED))
    behind = ASGITransport(client.app, root_path="/aether")
    async with AsyncClient(transport=behind, base_url="https://images.example:8443") as caller:
        answer = await caller.get(f"/aether{GENERATIONS.url()}")

    expected = [f"https://images.example:8443/aether/api/generation/{UNKNOWN}/images/0"]
    assert answer.json()["images"] == expected


async def test_a_job_that_failed_says_why_and_shows_no_image(client: Client, harness: ApiHarness) -> None:
    why = fail(Problem("model-refused", "Image 1 failed: The model declined."))
    await harness.process(await harness.create_job(GENERATIONS), Change(attempts=(BUSY, REFUSED)), why)

    assert await shown(client, harness) == (
        f'"status":"FAILED","attempts":{ATTEMPTS},"failedAttempts":2,"error":"Image 1 failed: The model declined."'
    )


async def test_a_job_that_was_cancelled_has_failed_with_that_error(client: Client, harness: ApiHarness) -> None:
    await harness.create_job(GENERATIONS)
    await client.post(GENERATIONS.url(action="/cancel"))

    assert await shown(client, harness) == '"status":"FAILED","attempts":[],"failedAttempts":0,"error":"cancelled"'
