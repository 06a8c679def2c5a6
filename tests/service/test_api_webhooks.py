"""`/webhooks` and a report's own webhook, as callers see them."""

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
OWN = "https://example.com/own"
Client = AsyncTestClient[Litestar]


async def ended(harness: ApiHarness, job_id: str = UNKNOWN, *, owner: str = "local") -> str:
    """Cancel a report that names a webhook, and return the id of the delivery that it makes."""
    await harness.store.create(NewJob(job_id, Kind.REPORT, owner, REPORTS.request, webhook=Webhook(OWN)))
    await harness.store.move(job_id, Change(status=Status.CANCELLED))
    return f"{job_id}-{harness.store.jobs[job_id].version}"


async def dead(harness: ApiHarness) -> Delivery:
    """A delivery that was given up after one try."""
    delivery = harness.store.webhooks.deliveries[await ended(harness)]
    latest = DeliveryAttempt(1, delivery.created_at, 0.25, 500, "The receiver answered 500.")
    await harness.store.webhooks.record(replace(delivery, status=DeliveryStatus.DEAD), latest, None)
    return harness.store.webhooks.deliveries[delivery.id]


async def test_without_an_endpoint_there_is_none_to_see(client: Client) -> None:
    answer = await client.get("/webhooks/endpoint")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:aether:problem:no-endpoint")


async def test_an_endpoint_can_be_set_seen_and_forgotten(client: Client) -> None:
    told = {"url": URL, "events": ["completed", "failed", "cancelled"]}

    answer = await client.put("/webhooks/endpoint", json={"url": URL})
    assert (answer.status_code, answer.json()) == (200, told)
    assert (await client.get("/webhooks/endpoint")).json() == told

    for _ in range(2):
        assert (await client.delete("/webhooks/endpoint")).status_code == 204
    assert (await client.get("/webhooks/endpoint")).status_code == 404


async def test_an_endpoint_may_be_told_of_some_ends_only(client: Client) -> None:
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
async def test_a_webhook_that_breaks_a_rule_is_refused_by_name(
    client: Client, harness: ApiHarness, webhook: dict[str, Any], field: str, rule: str
) -> None:
    alone = await client.put("/webhooks/endpoint", json=webhook)
    within = await client.post("/reports", json={"topic": "Rome", "webhook": webhook})

    assert (alone.status_code, alone.json()["errors"]) == (422, [{"field": field, "rule": rule}])
    assert (within.status_code, within.json()["errors"]) == (422, [{"field": f"webhook.{field}", "rule": rule}])
    assert harness.store.jobs == {}


async def test_a_report_may_name_a_webhook_of_its_own(client: Client, harness: ApiHarness) -> None:
    body = {"topic": "Rome", "webhook": {"url": OWN, "events": ["completed"]}}

    job_id = (await client.post("/reports", json=body)).json()["jobId"]

    assert harness.store.job_webhooks[job_id] == Webhook(OWN, frozenset({Status.COMPLETED}))


async def test_hosts_are_opened_by_name(client: Client) -> None:
    assert (await client.put("/webhooks/endpoint", json={"url": "http://localhost:9000/"})).status_code == 200


async def test_the_secret_is_made_once(client: Client) -> None:
    first = (await client.get("/webhooks/secret")).json()

    assert first["secret"].startswith("whsec_")
    assert first["replaced"] == []
    assert (await client.get("/webhooks/secret")).json() == first


async def test_a_rotated_secret_is_told_with_the_time_until_it_is_valid(client: Client) -> None:
    old = (await client.get("/webhooks/secret")).json()["secret"]

    rotated = (await client.post("/webhooks/secret/rotate")).json()

    assert rotated["secret"] != old
    assert [each["secret"] for each in rotated["replaced"]] == [old]
    assert rotated["replaced"][0]["validUntil"].endswith("Z")


async def test_a_delivery_tells_of_every_try(client: Client, harness: ApiHarness) -> None:
    delivery = await dead(harness)

    answer = await client.get(f"/webhooks/deliveries/{delivery.id}")

    told = answer.json()
    assert answer.status_code == 200
    assert [told.pop(moment)[-1] for moment in ("createdAt", "expiresAt")] == ["Z", "Z"]
    assert [attempt.pop("at")[-1] for attempt in told["attempts"]] == ["Z"]
    assert told == {
        "id": delivery.id,
        "type": "report.cancelled",
        "jobId": UNKNOWN,
        "version": 2,
        "url": OWN,
        "status": "dead",
        "attempts": [{"number": 1, "seconds": 0.25, "status": 500, "error": "The receiver answered 500."}],
    }


async def test_deliveries_are_listed_by_status_and_job(client: Client, harness: ApiHarness) -> None:
    other = UNKNOWN.replace("4000", "4001")
    given_up, waiting = (await dead(harness)).id, await ended(harness, other)

    async def listed(**query: str) -> list[str]:
        return [each["id"] for each in (await client.get("/webhooks/deliveries", params=query)).json()["deliveries"]]

    assert sorted(await listed()) == sorted([given_up, waiting])
    assert await listed(status="dead") == await listed(job=UNKNOWN) == [given_up]
    assert await listed(status="pending") == await listed(job=other, status="pending") == [waiting]
    assert await listed(status="delivered") == await listed(job="elsewhere") == []


async def test_deliveries_are_listed_page_by_page(client: Client, harness: ApiHarness) -> None:
    made = [await ended(harness, UNKNOWN.replace("4000", f"40{at:02}")) for at in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get("/webhooks/deliveries", params=query)).json()
        seen += [each["id"] for each in page["deliveries"]]
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]

    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"status": "lost"}, "status", "must be one of: pending, delivered, dead"),
        ({"limit": 0}, "limit", "must be at least 1"),
        ({"limit": 101}, "limit", "must be at most 100"),
        ({"cursor": "nonsense"}, "cursor", "must be one that a page has given"),
    ],
)
async def test_a_parameter_that_breaks_a_rule_is_refused_by_name(
    client: Client, query: dict[str, Any], field: str, rule: str
) -> None:
    answer = await client.get("/webhooks/deliveries", params=query)

    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": field, "rule": rule}])


async def test_a_delivery_that_is_replayed_is_pending_again(client: Client, harness: ApiHarness) -> None:
    delivery = await dead(harness)

    for _ in range(2):
        answer = await client.post(f"/webhooks/deliveries/{delivery.id}/replay")
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")

    assert [number for _, number, _ in harness.store.webhooks.queue] == [1, 2]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("owner", ["another", None])
async def test_another_owners_delivery_is_as_unknown_as_one_that_never_was(
    client: Client, harness: ApiHarness, owner: str | None, method: str
) -> None:
    delivery_id = await ended(harness, owner=owner) if owner else f"{UNKNOWN}-2"

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
async def test_while_the_store_is_away_everything_is_unavailable(
    client: Client, harness: ApiHarness, method: str, path: str
) -> None:
    harness.store.webhooks.is_unavailable = True

    answer = await client.request(method, path, json={"url": URL} if method == "PUT" else None)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
