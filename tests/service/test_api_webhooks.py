"""Webhooks on the wire: the endpoint, secrets, deliveries, and the webhook of a report."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from msgspec.structs import replace

from aether.domain.job import Change, Kind, Status
from aether.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus, Webhook
from aether.durable.ports import NewJob
from tests.service.api_harness import ApiHarness
from tests.service.resources import REPORTS, UNKNOWN

URL = "https://example.com/hook"
JOB_URL = "https://example.com/own"
Client = AsyncTestClient[Litestar]


async def create_delivery(harness: ApiHarness, job_id: str = UNKNOWN, *, owner: str = "local") -> str:
    """Cancel a report that has a webhook, and return the id of its delivery."""
    await harness.store.create(NewJob(job_id, Kind.REPORT, owner, REPORTS.request, webhook=Webhook(JOB_URL)))
    await harness.store.move(job_id, Change(status=Status.CANCELLED))
    return f"{job_id}-{harness.store.jobs[job_id].version}"


async def create_dead_delivery(harness: ApiHarness) -> Delivery:
    """Return a delivery that was given up after one attempt."""
    delivery = harness.store.webhooks.deliveries[await create_delivery(harness)]
    latest = DeliveryAttempt(1, delivery.created_at, 0.25, 500, "The receiver answered 500.")
    await harness.store.webhooks.record(replace(delivery, status=DeliveryStatus.DEAD), latest, None)
    return harness.store.webhooks.deliveries[delivery.id]


async def test_without_an_endpoint_there_is_a_404(client: Client) -> None:
    answer = await client.get("/webhooks/endpoint")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:aether:problem:no-endpoint")


async def test_an_endpoint_can_be_set_read_and_deleted(client: Client) -> None:
    expected = {"url": URL, "events": ["completed", "failed", "cancelled"]}

    answer = await client.put("/webhooks/endpoint", json={"url": URL})
    assert (answer.status_code, answer.json()) == (200, expected)
    assert (await client.get("/webhooks/endpoint")).json() == expected

    for _ in range(2):
        assert (await client.delete("/webhooks/endpoint")).status_code == 204
    assert (await client.get("/webhooks/endpoint")).status_code == 404


async def test_an_endpoint_may_receive_only_some_statuses(client: Client) -> None:
    answer = await client.put("/webhooks/endpoint", json={"url": URL, "events": ["cancelled", "failed"]})

    assert answer.json()["events"] == ["failed", "cancelled"]


@pytest.mark.parametrize(
    ("webhook", "field", "rule"),
    [
        ({}, "url", "is required"),
        ({"url": 5}, "url", "must be a string, not a whole number"),
        ({"url": ""}, "url", "must have at least 1 character"),
        ({"url": "ftp://example.com/"}, "url", "must be an http:// or https:// address"),
        ({"url": "https://10.0.0.1/"}, "url", "must not lead to a private, local or reserved address"),
        ({"url": "https://2130706433/"}, "url", "must write an IP address in its usual form"),
        ({"url": "https://redis/"}, "url", "must name a host by its full domain name"),
        ({"url": "https://me:pass@example.com/"}, "url", "must not hold a name or a password"),
        ({"url": URL, "events": []}, "events", "must have at least 1 item"),
        ({"url": URL, "events": ["started"]}, "events[0]", "must be one of: cancelled, completed, failed"),
        ({"url": URL, "secret": "mine"}, "secret", "is not a known field"),
    ],
)
async def test_an_invalid_webhook_is_rejected(
    client: Client, harness: ApiHarness, webhook: dict[str, Any], field: str, rule: str
) -> None:
    alone = await client.put("/webhooks/endpoint", json=webhook)
    in_report = await client.post("/reports", json={"topic": "Rome", "webhook": webhook})

    assert (alone.status_code, alone.json()["errors"]) == (422, [{"field": field, "rule": rule}])
    assert (in_report.status_code, in_report.json()["errors"]) == (422, [{"field": f"webhook.{field}", "rule": rule}])
    assert harness.store.jobs == {}


async def test_a_report_may_have_a_webhook_of_its_own(client: Client, harness: ApiHarness) -> None:
    body = {"topic": "Rome", "webhook": {"url": JOB_URL, "events": ["completed"]}}

    job_id = (await client.post("/reports", json=body)).json()["jobId"]

    assert harness.store.job_webhooks[job_id] == Webhook(JOB_URL, frozenset({Status.COMPLETED}))


async def test_configured_hosts_are_allowed(client: Client) -> None:
    assert (await client.put("/webhooks/endpoint", json={"url": "http://localhost:9000/"})).status_code == 200


async def test_the_secret_is_created_once(client: Client) -> None:
    first = (await client.get("/webhooks/secret")).json()

    assert first["secret"].startswith("whsec_")
    assert first["replaced"] == []
    assert (await client.get("/webhooks/secret")).json() == first


async def test_a_replaced_secret_is_shown_with_its_expiry(client: Client) -> None:
    old = (await client.get("/webhooks/secret")).json()["secret"]

    rotated = (await client.post("/webhooks/secret/rotate")).json()

    assert rotated["secret"] != old
    assert [each["secret"] for each in rotated["replaced"]] == [old]
    assert rotated["replaced"][0]["validUntil"].endswith("Z")


async def test_a_delivery_shows_every_attempt(client: Client, harness: ApiHarness) -> None:
    delivery = await create_dead_delivery(harness)

    answer = await client.get(f"/webhooks/deliveries/{delivery.id}")

    expected = answer.json()
    assert answer.status_code == 200
    assert [expected.pop(moment)[-1] for moment in ("createdAt", "expiresAt")] == ["Z", "Z"]
    assert [attempt.pop("at")[-1] for attempt in expected["attempts"]] == ["Z"]
    assert expected == {
        "id": delivery.id,
        "type": "report.cancelled",
        "jobId": UNKNOWN,
        "version": 2,
        "url": JOB_URL,
        "status": "dead",
        "attempts": [{"number": 1, "seconds": 0.25, "status": 500, "error": "The receiver answered 500."}],
    }


async def test_deliveries_are_listed_by_status_and_job(client: Client, harness: ApiHarness) -> None:
    other = UNKNOWN.replace("4000", "4001")
    given_up, waiting = (await create_dead_delivery(harness)).id, await create_delivery(harness, other)

    async def list_ids(**query: str) -> list[str]:
        return [each["id"] for each in (await client.get("/webhooks/deliveries", params=query)).json()["deliveries"]]

    assert sorted(await list_ids()) == sorted([given_up, waiting])
    assert await list_ids(status="dead") == await list_ids(job=UNKNOWN) == [given_up]
    assert await list_ids(status="pending") == await list_ids(job=other, status="pending") == [waiting]
    assert await list_ids(status="delivered") == await list_ids(job="elsewhere") == []


async def test_deliveries_are_listed_page_by_page(client: Client, harness: ApiHarness) -> None:
    created = [await create_delivery(harness, UNKNOWN.replace("4000", f"40{at:02}")) for at in range(5)]
    ids: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get("/webhooks/deliveries", params=query)).json()
        ids += [each["id"] for each in page["deliveries"]]
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]

    assert sorted(ids) == sorted(created)


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"status": "lost"}, "status", "must be one of: pending, delivered, dead"),
        ({"limit": 0}, "limit", "must be at least 1"),
        ({"limit": 101}, "limit", "must be at most 100"),
        ({"cursor": "nonsense"}, "cursor", "must be one that a page has given"),
    ],
)
async def test_an_invalid_parameter_is_rejected(client: Client, query: dict[str, Any], field: str, rule: str) -> None:
    answer = await client.get("/webhooks/deliveries", params=query)

    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": field, "rule": rule}])


async def test_a_replayed_delivery_is_pending_again(client: Client, harness: ApiHarness) -> None:
    delivery = await create_dead_delivery(harness)

    for _ in range(2):
        answer = await client.post(f"/webhooks/deliveries/{delivery.id}/replay")
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")

    assert [number for _, number, _ in harness.store.webhooks.queue] == [1, 2]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("owner", ["another", None])
async def test_a_delivery_of_another_owner_is_as_unknown_as_a_missing_one(
    client: Client, harness: ApiHarness, owner: str | None, method: str
) -> None:
    delivery_id = await create_delivery(harness, owner=owner) if owner else f"{UNKNOWN}-2"

    answer = await client.request(method, f"/webhooks/deliveries/{delivery_id}{'/replay' if method == 'POST' else ''}")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:aether:problem:unknown-delivery")
    assert (await client.get("/webhooks/deliveries")).json() == {"deliveries": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhooks/endpoint"),
        ("PUT", "/webhooks/endpoint"),
        ("DELETE", "/webhooks/endpoint"),
        ("GET", "/webhooks/secret"),
        ("POST", "/webhooks/secret/rotate"),
        ("GET", "/webhooks/deliveries"),
        ("GET", "/webhooks/deliveries/a"),
        ("POST", "/webhooks/deliveries/a/replay"),
    ],
)
async def test_while_the_store_is_unavailable_every_operation_is_a_503(
    client: Client, harness: ApiHarness, method: str, path: str
) -> None:
    harness.store.webhooks.is_unavailable = True

    answer = await client.request(method, path, json={"url": URL} if method == "PUT" else None)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
