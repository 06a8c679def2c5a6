"""The operations on jobs, which all kinds share."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Change, Limits, Problem, Status
from tests.service.api_harness import ApiHarness, fail
from tests.service.resources import EVERY_KIND, RESOURCES, UNKNOWN, Resource

Client = AsyncTestClient[Litestar]
CALLS = [("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")]
EVERY_CALL = pytest.mark.parametrize(("method", "action"), CALLS)
COMPLETED = Change(status=Status.COMPLETED)


@EVERY_KIND
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_job_is_accepted_with_its_location(
    client: Client, harness: ApiHarness, resource: Resource, slash: str
) -> None:
    accepted = await client.post(
        f"{resource.path}{slash}", content=resource.request, headers={"Content-Type": "application/json"}
    )
    job_response = await client.get(accepted.headers["Location"])

    (job_id,) = harness.store.jobs
    assert accepted.headers["Location"] == resource.url(job_id)
    assert accepted.headers["Retry-After"] == "1"
    assert job_response.json()[resource.id_name] == job_id
    assert bytes(harness.store.jobs[job_id].input) == resource.request


@EVERY_KIND
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_path_may_end_with_a_slash(
    client: Client, harness: ApiHarness, resource: Resource, slash: str
) -> None:
    job_id = await harness.create_job(resource)
    path = f"{resource.path}/{job_id}"

    statuses = [
        (await client.request(method, f"{at}{slash}")).status_code
        for method, at in [
            ("GET", resource.path),
            ("GET", path),
            ("POST", f"{path}/cancel"),
            ("POST", f"{path}/retry"),
            ("DELETE", path),
        ]
    ]

    assert statuses == [200, 200, 200, 202, 204]


@EVERY_KIND
async def test_a_job_that_has_not_ended_has_a_retry_after(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    job_id = await harness.create_job(resource)
    waiting = await client.get(resource.url())
    await harness.process(job_id)
    running = await client.get(resource.url())
    await harness.store.move(job_id, Change(status=Status.CANCELLED))
    ended = await client.get(resource.url())

    assert [answer.headers.get("Retry-After") for answer in (waiting, running, ended)] == ["1", "1", None]
    assert [answer.headers["ETag"] for answer in (waiting, running, ended)] == ['"1"', '"2"', '"3"']
    assert {answer.headers["Cache-Control"] for answer in (waiting, running, ended)} == {"private, no-cache"}


@EVERY_KIND
@pytest.mark.parametrize(("change", "status"), [(None, Status.PROCESSING), (COMPLETED, Status.COMPLETED)])
async def test_each_kind_has_its_own_words_for_statuses(
    client: Client, harness: ApiHarness, resource: Resource, change: Change | None, status: Status
) -> None:
    job_id = await harness.create_job(resource)
    before = (await client.get(resource.url())).json()
    await harness.process(job_id, *([change] if change else []))
    after = (await client.get(resource.url())).json()

    assert (before["status"], after["status"]) == (resource.words[Status.PENDING], resource.words[status])


@EVERY_KIND
async def test_a_job_that_has_not_changed_is_not_sent_again(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    await harness.create_job(resource)

    same = await client.get(resource.url(), headers={"If-None-Match": '"1"'})
    other = await client.get(resource.url(), headers={"If-None-Match": '"2"'})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", '"1"')
    assert (other.status_code, other.json()["status"]) == (200, resource.words[Status.PENDING])


@EVERY_KIND
async def test_a_job_can_be_cancelled_repeatedly(client: Client, harness: ApiHarness, resource: Resource) -> None:
    await harness.create_job(resource)

    first = await client.post(resource.url(action="/cancel"))
    second = await client.post(resource.url(action="/cancel"))

    assert first.status_code == second.status_code == 200
    assert first.json()["status"] == resource.words[Status.CANCELLED]
    assert "Retry-After" not in first.headers
    assert second.content == first.content
    assert harness.store.queue == []


@pytest.mark.parametrize(
    "resource", [each for each in RESOURCES if each.words[Status.CANCELLED] == each.words[Status.FAILED]], ids=repr
)
async def test_a_cancelled_job_has_a_status_or_an_error_that_says_so(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    await harness.create_job(resource)

    answer = await client.post(resource.url(action="/cancel"))

    assert answer.json()["error"] == "cancelled"


@EVERY_KIND
async def test_retry_queues_a_failed_job_again(client: Client, harness: ApiHarness, resource: Resource) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id, fail(Problem("model-failed", "No luck.")))
    before = await client.get(resource.url())
    answer = await client.post(resource.url(action="/retry"))

    assert (before.json()["status"], before.json()["error"]) == (resource.words[Status.FAILED], "No luck.")
    assert answer.status_code == 202
    assert answer.headers["Location"] == resource.url()
    assert answer.json()["status"] == resource.words[Status.PENDING]
    assert "error" not in answer.json()
    assert harness.store.queue == [job_id]


@EVERY_KIND
async def test_a_retry_takes_new_limits(client: Client, harness: ApiHarness, resource: Resource) -> None:
    body = {resource.name("max_tokens"): 5_000, resource.name("deadline_seconds"): 60}
    job_id = await harness.create_job(resource)
    await harness.store.move(job_id, Change(status=Status.CANCELLED))

    answer = await client.post(resource.url(action="/retry"), json=body)

    assert answer.status_code == 202
    assert harness.store.jobs[job_id].limits == Limits(60, 5_000)


@EVERY_KIND
@pytest.mark.parametrize("action", ["/cancel", "/retry"])
async def test_a_completed_job_cannot_be_cancelled_or_retried(
    client: Client, harness: ApiHarness, resource: Resource, action: str
) -> None:
    await harness.process(await harness.create_job(resource), COMPLETED)

    answer = await client.post(resource.url(action=action))

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:aether:problem:illegal-move")


@EVERY_KIND
async def test_a_deleted_job_is_unknown(client: Client, harness: ApiHarness, resource: Resource) -> None:
    await harness.create_job(resource)

    answer = await client.delete(resource.url())

    assert (answer.status_code, answer.content) == (204, b"")
    assert (harness.store.jobs, harness.store.queue) == ({}, [])


@EVERY_KIND
@EVERY_CALL
async def test_a_job_of_another_owner_has_the_same_response_as_a_missing_one(
    client: Client, harness: ApiHarness, resource: Resource, method: str, action: str
) -> None:
    never_was = await client.request(method, resource.url(action=action))
    await harness.create_job(resource, owner="somebody-else")
    anothers = await client.request(method, resource.url(action=action))

    assert anothers.status_code == never_was.status_code == 404
    assert anothers.content == never_was.content
    assert UNKNOWN in harness.store.jobs


@EVERY_KIND
@EVERY_CALL
async def test_a_job_of_another_kind_is_unknown(
    client: Client, harness: ApiHarness, resource: Resource, method: str, action: str
) -> None:
    never_was = await client.request(method, resource.url(action=action))
    for other in RESOURCES:
        if other is not resource:
            await harness.create_job(other)
            anothers = await client.request(method, resource.url(action=action))

            assert (anothers.status_code, anothers.content) == (404, never_was.content)
            await harness.store.erase(UNKNOWN)


@EVERY_KIND
@pytest.mark.parametrize(
    "job_id",
    ["x", "..%2f", "%00", UNKNOWN.replace("-", ""), UNKNOWN + "0", UNKNOWN.replace("0", "A"), "A" * 5_000],
)
async def test_an_id_of_another_form_is_unknown_without_a_call_to_the_store(
    client: Client, harness: ApiHarness, resource: Resource, job_id: str
) -> None:
    harness.store.is_unavailable = True

    answers = [await client.request(method, resource.url(job_id, action)) for method, action in CALLS]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["type"] for answer in answers} == {"urn:aether:problem:unknown-job"}
    assert {answer.json()["detail"] for answer in answers} == {"No job with this id exists; it may have expired."}


@EVERY_KIND
async def test_an_unavailable_store_has_a_retry_after(client: Client, harness: ApiHarness, resource: Resource) -> None:
    harness.store.is_unavailable = True

    answers = [
        await client.get(resource.url()),
        await client.get(resource.path),
        await client.post(resource.path, content=resource.request, headers={"Content-Type": "application/json"}),
    ]

    assert [answer.json()["type"] for answer in answers] == ["urn:aether:problem:store-unavailable"] * 3
    assert [answer.headers["Retry-After"] for answer in answers] == ["2"] * 3


@EVERY_KIND
async def test_a_full_queue_has_a_retry_after(client: Client, harness: ApiHarness, resource: Resource) -> None:
    harness.store.max_queue_length = 0

    answer = await client.post(resource.path, content=resource.request, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:queue-full")
