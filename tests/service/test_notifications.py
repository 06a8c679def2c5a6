"""The inbox over HTTP: lists, acknowledgements, and the separation of owners."""

from collections.abc import Mapping
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Change, Status
from aether.domain.notification import MAX_NOTIFICATION_ID
from tests.fakes import FastClock
from tests.service.api_harness import ApiHarness, assert_field_error
from tests.service.resources import EVERY_KIND, REPORTS, Resource

Client = AsyncTestClient[Litestar]
Json = dict[str, Any]  # Any: the tests check each field

IDS = [f"00000000-0000-4000-8000-00000000000{at}" for at in range(5)]
RULE = "must be the id of a notification"


async def end_job(
    harness: ApiHarness, job_id: str, status: Status = Status.FAILED, resource: Resource = REPORTS, owner: str = "local"
) -> None:
    await harness.create_job(resource, job_id, owner=owner)
    await harness.process(job_id, Change(status=status))


async def end_five_jobs(harness: ApiHarness) -> None:
    for job_id in IDS:
        await end_job(harness, job_id)


async def get_page(client: Client, query: str = "") -> Json:
    answer = await client.get(f"/notifications{query}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def list_ids(client: Client, query: str = "") -> list[str]:
    return [each["id"] for each in (await get_page(client, query))["notifications"]]


async def acknowledge(client: Client, *notification_ids: str) -> Json:
    answer = await client.post("/notifications/ack", json={"ids": notification_ids})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_an_inbox_without_notifications_is_empty(client: Client) -> None:
    answer = await client.get("/notifications")

    assert answer.content == b'{"notifications":[],"unread":0}'


@EVERY_KIND
async def test_a_notification_contains_the_job_its_status_and_its_path(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    href = resource.url(IDS[0])
    harness.store.clock = FastClock()
    await end_job(harness, IDS[0], Status.COMPLETED, resource)

    answer = await client.get("/notifications")

    assert answer.text == (
        f'{{"notifications":[{{"id":"1767225600000000","kind":"{resource.kind}","jobId":"{IDS[0]}","status":"completed",'
        f'"at":"2026-01-01T00:00:00Z","version":3,"href":"{href}","acked":false}}],"unread":1}}'
    )
    assert (await client.get(href)).status_code == 200


@EVERY_KIND
@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_all_kinds_have_the_same_words_for_final_statuses(
    client: Client, harness: ApiHarness, resource: Resource, status: Status
) -> None:
    await harness.create_job(resource, IDS[0])
    await harness.store.begin(IDS[0])
    await harness.store.move(IDS[0], Change(status=status))

    (found,) = (await get_page(client))["notifications"]

    assert found["status"] == status


@EVERY_KIND
async def test_each_end_of_a_retried_job_is_a_notification(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    await harness.create_job(resource, IDS[0])
    await client.post(resource.url(IDS[0], "/cancel"))
    await client.post(resource.url(IDS[0], "/cancel"))
    first = await get_page(client)

    await client.post(resource.url(IDS[0], "/retry"))
    retried = await get_page(client)
    await harness.process(IDS[0], Change(status=Status.COMPLETED))

    second = await get_page(client)
    assert [each["status"] for each in first["notifications"]] == ["cancelled"]
    assert retried == first
    assert [each["status"] for each in second["notifications"]] == ["cancelled", "completed"]
    assert (second["notifications"][0], second["unread"]) == (first["notifications"][0], 2)


async def test_pages_are_ordered_oldest_first(client: Client, harness: ApiHarness) -> None:
    await end_five_jobs(harness)

    pages = [await get_page(client, "?limit=2")]
    while cursor := pages[-1].get("nextCursor"):
        pages.append(await get_page(client, f"?limit=2&after={cursor}"))

    pages_of_ids = [[each["jobId"] for each in found["notifications"]] for found in pages]
    assert pages_of_ids == [IDS[:2], IDS[2:4], IDS[4:]]
    assert {found["unread"] for found in pages} == {5}


async def test_after_an_id_the_later_notifications_are_listed(client: Client, harness: ApiHarness) -> None:
    await end_five_jobs(harness)
    every = await list_ids(client)

    assert [await list_ids(client, f"?after={after}") for after in ("0", every[2], every[4], MAX_NOTIFICATION_ID)] == [
        every,
        every[3:],
        [],
        [],
    ]


async def test_a_page_has_twenty_notifications_by_default(client: Client, harness: ApiHarness) -> None:
    for at in range(25):
        await end_job(harness, f"00000000-0000-4000-8000-{at:012}")

    assert (len(await list_ids(client)), len(await list_ids(client, "?limit=100"))) == (20, 25)


async def test_acknowledged_notifications_can_be_left_out(client: Client, harness: ApiHarness) -> None:
    await end_five_jobs(harness)
    every = await list_ids(client)

    await acknowledge(client, *every[1:3])

    assert await list_ids(client, "?unacked=true") == [every[0], *every[3:]]
    assert [each["acked"] for each in (await get_page(client, "?unacked=false"))["notifications"]] == [
        False,
        True,
        True,
        False,
        False,
    ]


async def test_acknowledging_returns_counts_and_may_be_repeated(client: Client, harness: ApiHarness) -> None:
    await end_five_jobs(harness)
    every = await list_ids(client)

    answers = [
        await acknowledge(client, *every[:2]),
        await acknowledge(client, *every[:3]),
        await acknowledge(client, *every[:3]),
    ]

    assert answers == [
        {"acknowledged": 2, "unread": 3},
        {"acknowledged": 1, "unread": 2},
        {"acknowledged": 0, "unread": 2},
    ]


async def test_unknown_ids_are_ignored(client: Client, harness: ApiHarness) -> None:
    await end_five_jobs(harness)

    assert await acknowledge(client, "0", "17", str(MAX_NOTIFICATION_ID)) == {"acknowledged": 0, "unread": 5}


async def test_a_deleted_job_leaves_no_notification(client: Client, harness: ApiHarness) -> None:
    await end_five_jobs(harness)
    await client.delete(f"/reports/{IDS[0]}")

    found = await get_page(client)

    assert ([each["jobId"] for each in found["notifications"]], found["unread"]) == (IDS[1:], 4)


async def test_notifications_of_other_owners_are_neither_shown_nor_acknowledged(
    client: Client, harness: ApiHarness
) -> None:
    await end_job(harness, IDS[0], owner="somebody-else")
    (theirs,) = harness.store.inboxes["somebody-else"]
    await end_job(harness, IDS[1])

    found = await get_page(client)
    answer = await acknowledge(client, str(theirs.id))

    assert [each["jobId"] for each in found["notifications"]] == [IDS[1]]
    assert answer == {"acknowledged": 0, "unread": 1}
    assert harness.store.inboxes["somebody-else"] == [theirs]


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ("limit=0", "limit", "must be at least 1"),
        ("limit=101", "limit", "must be at most 100"),
        ("limit=many", "limit", "must be a whole number"),
        ("after=", "after", RULE),
        ("after=-1", "after", RULE),
        ("after=1.5", "after", RULE),
        ("after=%D9%A1", "after", RULE),
        ("after=9999999999999999", "after", RULE),
        ("after=17681768176817681", "after", RULE),
        ("unacked=perhaps", "unacked", "must be true or false"),
    ],
)
async def test_an_invalid_parameter_is_rejected(client: Client, query: str, field: str, rule: str) -> None:
    answer = await client.get(f"/notifications?{query}")

    assert_field_error(answer, "/notifications", field, rule)


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "ids", "is required"),
        ({"ids": []}, "ids", "must have at least 1 item"),
        ({"ids": ["1"] * 1_001}, "ids", "must have at most 1000 items"),
        ({"ids": "1"}, "ids", "must be a list, not a string"),
        ({"ids": [1]}, "ids[0]", "must be a string, not a whole number"),
        ({"ids": ["1", "x"]}, "ids[1]", RULE),
        ({"ids": ["9999999999999999"]}, "ids[0]", RULE),
        ({"ids": ["1"], "all": True}, "all", "is not a known field"),
    ],
)
async def test_an_invalid_body_is_rejected(client: Client, body: Mapping[str, object], field: str, rule: str) -> None:
    answer = await client.post("/notifications/ack", json=body)

    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": field, "rule": rule}])


@pytest.mark.parametrize(
    ("content", "content_type", "status"), [(b"{", "application/json", 400), (b'{"ids":["1"]}', "text/plain", 415)]
)
async def test_a_body_that_is_not_json_is_rejected(
    client: Client, content: bytes, content_type: str, status: int
) -> None:
    answer = await client.post("/notifications/ack", content=content, headers={"Content-Type": content_type})

    assert answer.status_code == status


async def test_an_unavailable_store_has_a_retry_after(client: Client, harness: ApiHarness) -> None:
    harness.store.is_unavailable = True

    answers = [await client.get("/notifications"), await client.post("/notifications/ack", json={"ids": ["1"]})]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
