"""Token budgets, deadlines and estimates on the wire."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.estimate import Pace
from aether.domain.job import Change, Limits, Status
from tests.service.api_harness import ApiHarness
from tests.service.resources import CHECKLISTS, GENERATIONS, REPORTS, Resource

Client = AsyncTestClient[Litestar]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Limits()),
        ({"maxTokens": 5_000}, Limits(tokens=5_000)),
        ({"deadlineSeconds": 60}, Limits(seconds=60)),
        ({"maxTokens": 5_000, "deadlineSeconds": 60}, Limits(60, 5_000)),
    ],
)
async def test_limits_are_stored_with_the_job_but_not_in_its_request(
    client: Client, harness: ApiHarness, body: dict[str, int], expected: Limits
) -> None:
    answer = await client.post("/reports", json={"topic": "Rome", **body})

    job = harness.store.jobs[answer.json()["jobId"]]
    assert (job.limits, bytes(job.input)) == (expected, b'{"topic":"Rome"}')


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"maxTokens": 0}, ("maxTokens", "must be at least 1")),
        ({"maxTokens": "many"}, ("maxTokens", "must be a whole number, not a string")),
        ({"deadlineSeconds": 604_801}, ("deadlineSeconds", "must be at most 604800")),
    ],
)
@pytest.mark.parametrize("path", ["/reports", "/reports/{id}/retry"])
async def test_limits_out_of_bounds_are_rejected(
    client: Client, harness: ApiHarness, path: str, body: dict[str, object], error: tuple[str, str]
) -> None:
    job_id = await harness.create_report()
    await harness.store.move(job_id, Change(status=Status.CANCELLED))

    answer = await client.post(path.format(id=job_id), json={"topic": "Rome", **body} if path == "/reports" else body)

    assert (answer.status_code, answer.json()["errors"]) == (422, [dict(zip(("field", "rule"), error, strict=True))])


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"", {}, Limits(60, 1_000)),
        (b"{}", {"Content-Type": "application/json"}, Limits(60, 1_000)),
        (b'{"maxTokens":2000}', {"Content-Type": "application/json"}, Limits(60, 2_000)),
    ],
)
async def test_a_retry_replaces_the_limits_it_names(
    client: Client, harness: ApiHarness, content: bytes, headers: dict[str, str], expected: Limits
) -> None:
    job_id = await harness.create_report()
    await harness.store.move(job_id, Change(status=Status.CANCELLED, limits=Limits(60, 1_000)))

    answer = await client.post(f"/reports/{job_id}/retry", content=content, headers=headers)

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/reports/{job_id}"
    assert harness.store.jobs[job_id].limits == expected


async def test_a_retry_with_a_body_that_is_not_json_is_rejected(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()

    answer = await client.post(f"/reports/{job_id}/retry", content=b"maxTokens=1")

    assert answer.status_code == 415


async def test_a_pending_job_has_its_queue_position_and_estimate(client: Client, harness: ApiHarness) -> None:
    harness.store.pace = Pace(run=8.04, gap=0.5)
    ids = [await harness.create_report(f"00000000-0000-4000-8000-00000000000{at}") for at in range(2)]

    jobs = [(await client.get(f"/reports/{job_id}")).json() for job_id in ids]

    assert [job["queuePosition"] for job in jobs] == [1, 2]
    assert [job["estimatedSecondsLeft"] for job in jobs] == [8.0, 8.5]
    assert not [job for job in jobs if "waitingFor" in job]


@pytest.mark.parametrize("resource", [REPORTS, CHECKLISTS, GENERATIONS], ids=repr)
@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING])
async def test_a_job_without_a_worker_says_so(
    client: Client, harness: ApiHarness, resource: Resource, status: Status
) -> None:
    harness.store.pace, harness.store.has_worker = Pace(run=8.0), False
    job_id = await harness.create_job(resource)
    if status is Status.PROCESSING:
        await harness.store.begin(job_id)

    alone = (await client.get(resource.url(job_id))).json()
    stopped = (await client.post(resource.url(job_id, "/cancel"))).json()

    assert alone[resource.name("waiting_for")] == "worker"
    assert "estimatedSecondsLeft" not in alone
    assert resource.name("waiting_for") not in stopped
