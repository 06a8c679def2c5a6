"""Image generations over HTTP, from creation to their end; the JSON is compared as text."""

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


async def show_job(client: Client, harness: ApiHarness) -> str:
    """Return the JSON of the job without its id, prompt and times, which are checked here."""
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
async def test_a_prompt_is_accepted_with_an_id_and_a_status(client: Client, harness: ApiHarness, slash: str) -> None:
    answer = await client.post(f"/api/generation{slash}", json={"prompt": "A lighthouse"})

    (job_id,) = harness.store.jobs
    assert (answer.status_code, answer.text) == (202, f'{{"generationId":"{job_id}","status":"PENDING"}}')


async def test_the_request_is_stored_and_each_image_is_a_planned_step(client: Client, harness: ApiHarness) -> None:
    body = {"prompt": "A lighthouse", "count": 3, "size": "1024x1536"}
    await client.post("/api/generation", json=body)

    (job,) = harness.store.jobs.values()
    assert msgspec.json.decode(job.input) == body
    assert [step.name for step in job.steps] == ["image:0", "image:1", "image:2"]


async def test_without_an_image_model_the_problem_names_the_setting(harness: ApiHarness) -> None:
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


async def test_without_an_image_model_existing_jobs_are_shown(harness: ApiHarness) -> None:
    await harness.create_job(GENERATIONS)
    async with harness.client(image_model=None) as client:
        answer = await client.get(GENERATIONS.url())

    assert answer.status_code == 200


@pytest.mark.parametrize("is_started", [False, True])
async def test_a_job_is_pending_before_and_after_its_start(
    client: Client, harness: ApiHarness, *, is_started: bool
) -> None:
    await harness.create_job(GENERATIONS)
    if is_started:
        await harness.process(UNKNOWN)

    assert await show_job(client, harness) == '"status":"PENDING","attempts":[],"failedAttempts":0'


async def test_failed_attempts_are_shown_at_once(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(GENERATIONS), Change(attempts=(BUSY, REFUSED)))

    assert await show_job(client, harness) == f'"status":"PENDING","attempts":{ATTEMPTS},"failedAttempts":2'


async def test_a_complete_job_has_the_urls_of_its_images(client: Client, harness: ApiHarness) -> None:
    accepted = await client.post("/api/generation", json={"prompt": "A lighthouse", "count": 2})
    job_id = accepted.json()["generationId"]
    await harness.process(job_id, Change(status=Status.COMPLETED))

    answer = await client.get(f"/api/generation/{job_id}")

    url = f"{client.base_url}/api/generation/{job_id}/images"
    assert list(answer.json())[:4] == ["generationId", "status", "prompt", "images"]
    assert answer.json()["status"] == "COMPLETE"
    assert answer.json()["images"] == [f"{url}/0", f"{url}/1"]


async def test_image_urls_have_the_host_and_prefix_of_the_request(client: Client, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(GENERATIONS), Change(status=Status.COMPLETED))
    behind = ASGITransport(client.app, root_path="/aether")
    async with AsyncClient(transport=behind, base_url="https://images.example:8443") as caller:
        answer = await caller.get(f"/aether{GENERATIONS.url()}")

    expected = [f"https://images.example:8443/aether/api/generation/{UNKNOWN}/images/0"]
    assert answer.json()["images"] == expected


async def test_a_failed_job_has_an_error_and_no_images(client: Client, harness: ApiHarness) -> None:
    problem = fail(Problem("model-refused", "Image 1 failed: The model declined."))
    await harness.process(await harness.create_job(GENERATIONS), Change(attempts=(BUSY, REFUSED)), problem)

    assert await show_job(client, harness) == (
        f'"status":"FAILED","attempts":{ATTEMPTS},"failedAttempts":2,"error":"Image 1 failed: The model declined."'
    )


async def test_a_cancelled_job_has_failed_with_that_error(client: Client, harness: ApiHarness) -> None:
    await harness.create_job(GENERATIONS)
    await client.post(GENERATIONS.url(action="/cancel"))

    assert await show_job(client, harness) == '"status":"FAILED","attempts":[],"failedAttempts":0,"error":"cancelled"'
