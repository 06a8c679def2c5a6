"""Records of a newer version over HTTP, as during the rollout of a release or after a rollback."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from litestar.types import ASGIApp
from msgspec.structs import replace

from aether.domain.access import Scope
from aether.domain.events import Event, StatusChanged, StepFinished, UnknownEvent
from aether.domain.job import Change, Job, Kind, Status, Step, StepStatus
from aether.domain.notification import Notification
from aether.domain.webhook import DeliveryStatus, Endpoint, Webhook
from aether.durable.change_hub import Delta
from aether.durable.ports import NewJob
from tests.event_streams import Listener, Received
from tests.service.api_harness import ApiHarness, finish_outline
from tests.service.resources import EVERY_KIND, REPORTS, UNKNOWN, Resource

PODCAST = Kind("podcast")
PAUSED = Status("paused")
COMPLETED = Change(status=Status.COMPLETED)
INBOX = "/notifications"
Client = AsyncTestClient[Litestar]


@pytest.fixture
async def app(harness: ApiHarness) -> AsyncIterator[ASGIApp]:
    yield harness.local_app()
    assert harness.hub.watches == set()


async def create_paused_job(harness: ApiHarness, resource: Resource) -> Job:
    """Create a job that a newer version has paused."""
    job = harness.store.jobs[await harness.create_job(resource)]
    harness.store.jobs[job.id] = replace(job, status=PAUSED)
    return harness.store.jobs[job.id]


def change_job(harness: ApiHarness, event: Event, **fields: Any) -> None:  # Any: fields of a job
    """Change the job as a newer version does."""
    job = harness.store.jobs[UNKNOWN]
    harness.store.events[UNKNOWN].append(event)
    harness.store.jobs[UNKNOWN] = replace(job, version=job.version + 1, **fields)
    harness.store.notify_watches()


def follow(app: ASGIApp, resource: Resource, after: int) -> Listener:
    return Listener(app, f"{resource.url(action='/events')}?after={after}")


@EVERY_KIND
async def test_a_job_with_an_unknown_status_is_shown_with_its_stored_word(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    job = await create_paused_job(harness, resource)

    answer = await client.get(resource.url())
    page = await client.get(resource.path)

    assert (answer.status_code, answer.json()["status"], answer.headers["ETag"]) == (200, "paused", f'"{job.version}"')
    assert answer.headers["Retry-After"]  # this version does not know that it has ended
    assert (page.status_code, [each["status"] for each in page.json()[resource.plural]]) == (200, ["paused"])


@EVERY_KIND
async def test_a_job_with_an_unknown_status_is_not_listed_under_a_known_one(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    await create_paused_job(harness, resource)

    for word in resource.words.values():
        assert (await client.get(resource.path, params={"status": word})).json()[resource.plural] == []


@EVERY_KIND
async def test_a_job_with_an_unknown_status_can_only_be_deleted(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    job = await create_paused_job(harness, resource)

    for action, refusal in (("cancel", "cannot be cancelled"), ("retry", "cannot be tried again")):
        answer = await client.post(resource.url(action=f"/{action}"))
        assert (answer.status_code, answer.json()["detail"]) == (409, f"A job that is paused {refusal}.")
    assert harness.store.jobs == {job.id: job}

    assert (await client.delete(resource.url())).status_code == 204
    assert not harness.store.jobs


@EVERY_KIND
async def test_a_long_poll_waits_through_an_unknown_status(
    app: ASGIApp, harness: ApiHarness, resource: Resource
) -> None:
    job = await create_paused_job(harness, resource)
    async with Listener(app, resource.url(), {"Prefer": "wait=50", "If-None-Match": f'"{job.version}"'}) as listener:
        while not harness.hub.watches:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
        change_job(harness, UnknownEvent())
        await listener.rest()

    assert (listener.status, listener.headers["etag"]) == (200, f'"{job.version + 1}"')


@EVERY_KIND
async def test_a_stream_continues_after_events_of_a_newer_version(
    app: ASGIApp, harness: ApiHarness, resource: Resource
) -> None:
    """Their versions are sent, so that a client that resumes after one gets no gap."""
    job_id = await harness.create_job(resource)
    async with follow(app, resource, 1) as listener:
        change_job(harness, UnknownEvent())
        change_job(harness, StatusChanged(PAUSED), status=PAUSED)
        change_job(harness, StepFinished("page:7:draft"), steps=(Step("page:7:draft", status=StepStatus.DONE),))
        events = [await listener.next() for _ in range(3)]
        change_job(harness, StatusChanged(Status.PROCESSING), status=Status.PROCESSING)
        await harness.process(job_id, COMPLETED)
        rest = await listener.rest()
    async with follow(app, resource, 3) as listener:
        again = await listener.rest()

    assert events == [
        Received("steps", {"steps": []}, "2"),
        Received("status", {"status": "paused"}, "3"),
        Received("steps", {"steps": ["page:7:draft"]}, "4"),
    ]
    assert [event.id for event in rest] == ["5", "6", "7"]
    assert rest[-1].name == resource.words[Status.COMPLETED].lower()
    assert listener.ended
    assert again == [events[2], *rest]


@EVERY_KIND
async def test_a_stream_ends_with_its_job_even_if_the_event_is_unknown(
    app: ASGIApp, harness: ApiHarness, resource: Resource
) -> None:
    await harness.create_job(resource)
    async with follow(app, resource, 1) as listener:
        change_job(harness, UnknownEvent(), status=Status.COMPLETED)
        (end,) = await listener.rest()

    assert (end.name, end.id, listener.ended) == (resource.words[Status.COMPLETED].lower(), "2", True)


async def test_unknown_steps_of_a_report_are_sent_by_name(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, finish_outline("Origins"))
    version = harness.store.jobs[job_id].version
    async with follow(app, REPORTS, version) as listener:
        harness.hub.publish(job_id, Delta("section:0:draft", 1, 0, "unheard of"))
        for step in ("section:0:draft", "section:7", "section:0"):
            change_job(harness, StepFinished(step))
        events = [await listener.next() for _ in range(3)]
        harness.hub.publish(job_id, Delta("section:0", 1, 0, "Village"))
        delta = await listener.next()

    assert [(event.name, event.data) for event in events] == [
        ("steps", {"steps": ["section:0:draft"]}),
        ("steps", {"steps": ["section:7"]}),
        ("steps", {"steps": ["section:0"]}),  # its text is not in the record
    ]
    assert (delta.name, delta.data["text"]) == ("section.delta", "Village")


@EVERY_KIND
async def test_a_request_that_only_a_newer_version_accepts_is_shown(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    request = resource.with_text("Rome " * resource.longest) | {"lane": {"speed": 3}}
    await harness.store.create(NewJob(UNKNOWN, resource.kind, "local", msgspec.json.encode(request)))

    answers = [await client.get(url) for url in (resource.url(), resource.path)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(answers[1].json()[resource.plural]) == 1


async def test_a_notification_of_an_unknown_kind_links_to_itself(client: Client, harness: ApiHarness) -> None:
    """The link works at once, and shows the job's path as soon as the server knows the kind."""
    for kind in (Kind.REPORT, PODCAST, Kind.CHECKLIST):
        await harness.store.create(NewJob(f"{kind}", kind, "local", b"{}"))
        await harness.store.move(f"{kind}", Change(status=Status.CANCELLED))

    shown = (await client.get(INBOX)).json()["notifications"]
    (linked_item,) = (await client.get(shown[1]["href"])).json()["notifications"]

    assert [each["kind"] for each in shown] == ["report", "podcast", "checklist"]
    assert linked_item == shown[1]
    assert shown[1] == {
        "id": shown[1]["id"],
        "kind": "podcast",
        "jobId": "podcast",
        "status": "cancelled",
        "at": shown[1]["at"],
        "version": 2,
        "href": f"{INBOX}?after={int(shown[1]['id']) - 1}&limit=1",
        "acked": False,
    }
    assert (await client.post(f"{INBOX}/ack", json={"ids": [linked_item["id"]]})).json() == {
        "acknowledged": 1,
        "unread": 2,
    }


async def test_the_inbox_stream_continues_after_notifications_of_a_newer_version(
    app: ASGIApp, harness: ApiHarness
) -> None:
    now = harness.store.clock.now()
    newer = Notification(int(now.timestamp() * 1e6), PODCAST, UNKNOWN, PAUSED, now, 7)
    harness.store.inboxes["local"] = [newer]
    async with Listener(app, f"{INBOX}/events") as listener:
        first = await listener.next()
        await harness.create_job(REPORTS)
        await harness.store.move(UNKNOWN, Change(status=Status.CANCELLED))
        second = await listener.next()

    assert (first.name, first.id, first.data["kind"], first.data["status"]) == (
        *("notification", str(newer.id), "podcast", "paused"),
    )
    assert second.data["kind"] == "report"


async def test_a_delivery_of_a_newer_version_is_shown_with_its_stored_words(
    client: Client, harness: ApiHarness
) -> None:
    await harness.store.create(NewJob(UNKNOWN, PODCAST, "local", b"{}", webhook=Webhook("https://example.com/hook")))
    await harness.store.move(UNKNOWN, Change(status=Status.CANCELLED))
    (delivery,) = harness.store.webhooks.deliveries.values()
    newer = replace(delivery, event=PAUSED, status=DeliveryStatus("scheduled"))
    harness.store.webhooks.deliveries[delivery.id] = newer
    path = f"/webhooks/deliveries/{delivery.id}"

    (delivery_in_list,) = (await client.get("/webhooks/deliveries")).json()["deliveries"]
    replayed = await client.post(f"{path}/replay")

    assert (delivery_in_list["type"], delivery_in_list["status"]) == ("podcast.paused", "scheduled")
    assert (await client.get(path)).json() == delivery_in_list
    assert (replayed.status_code, replayed.json()) == (202, delivery_in_list)
    assert harness.store.webhooks.deliveries[delivery.id] == newer


async def test_an_endpoint_shows_events_of_a_newer_version_last(client: Client, harness: ApiHarness) -> None:
    events = frozenset({PAUSED, Status.FAILED, Status.COMPLETED})
    harness.store.webhooks.endpoints["local"] = Endpoint(Webhook("https://example.com/hook", events))

    answer = await client.get("/webhooks/endpoint")

    assert answer.json() == {"url": "https://example.com/hook", "events": ["completed", "failed", "paused"]}


async def test_unknown_scopes_of_a_key_allow_nothing(harness: ApiHarness) -> None:
    reader = await harness.authorization("ada", Scope.READ, Scope("audit"))
    auditor = await harness.authorization("eve", Scope("audit"))
    async with harness.client() as client:
        answers = [
            (await client.get(REPORTS.path, headers=reader)).status_code,
            (await client.post(REPORTS.path, headers=reader, json=REPORTS.body)).status_code,
            (await client.get(REPORTS.path, headers=auditor)).status_code,
        ]

    assert answers == [200, 403, 403]
