"""Event streams over HTTP, as the API contract specifies them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from litestar.types import ASGIApp

from aether.api.http import sse
from aether.domain.checklist import Checklist, Item, Summary
from aether.domain.image import Image
from aether.domain.job import Attempt, Change, Problem, Status
from aether.durable.change_hub import Delta
from tests.event_streams import Listener, Received
from tests.service.api_harness import ApiHarness, fail, finish_outline, finish_section, finished_step
from tests.service.resources import CHECKLISTS, EVERY_KIND, GENERATIONS, REPORTS, UNKNOWN, Resource

COMPLETED = Change(status=Status.COMPLETED)
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def app(harness: ApiHarness) -> AsyncIterator[ASGIApp]:
    yield harness.local_app()
    assert harness.hub.watches == set()


def stream(app: ASGIApp, resource: Resource = REPORTS, after: object = "", **headers: str) -> Listener:
    query = f"?after={after}" if after != "" else ""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Listener(app, resource.url(action="/events") + query, named)


async def events_of(app: ASGIApp, resource: Resource = REPORTS, after: object = "", **headers: str) -> list[Received]:
    """Return all events until the stream ends."""
    async with stream(app, resource, after, **headers) as listener:
        return await listener.rest()


async def get_job(app: ASGIApp, resource: Resource) -> object:
    async with GetRequest(app, resource.url()) as reading:
        return await reading.body()


class GetRequest(Listener):
    """A GET that is not a stream."""

    async def _send(self, message: dict[str, bytes]) -> None:
        if "body" in message:
            self._body = message["body"]

    async def body(self) -> object:
        await self.rest()
        return msgspec.json.decode(self._body)


def ids_of(events: list[Received]) -> list[int]:
    return [int(event.id) for event in events if event.id]


@EVERY_KIND
async def test_a_stream_starts_with_a_snapshot_and_ends_with_the_final_status(
    app: ASGIApp, harness: ApiHarness, resource: Resource
) -> None:
    job_id = await harness.create_job(resource)
    async with stream(app, resource) as listener:
        snapshot = await listener.next()
        shown = await get_job(app, resource)
        await harness.process(job_id, COMPLETED)
        events, end = await listener.rest()

    assert snapshot == Received("snapshot", shown, "1")
    assert events == Received("status", {"status": resource.words[Status.PROCESSING]}, "2")
    assert end == Received(resource.words[Status.COMPLETED].lower(), await get_job(app, resource), "3")
    assert listener.ended


@EVERY_KIND
@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_the_last_event_is_named_after_the_status_and_shows_the_job(
    app: ASGIApp, harness: ApiHarness, resource: Resource, status: Status
) -> None:
    job_id = await harness.create_job(resource)
    problem = Problem("model-failed", "It failed.") if status is Status.FAILED else None
    await harness.process(job_id, Change(status=status, problem=problem))
    snapshot, end = await events_of(app, resource)

    assert snapshot == Received("snapshot", await get_job(app, resource), "3")
    assert end == Received(resource.words[status].lower(), snapshot.data, "3")


async def test_the_events_of_a_report(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    attempt = Attempt("section:1", 1, AT, "HTTP 429", AT)
    await harness.process(
        job_id,
        finish_outline("Origins", "Fall"),
        finish_section(1, "Rome\r\nfell."),
        Change(attempts=(attempt,)),
        COMPLETED,
    )
    events = await events_of(app, after=2)

    assert [tuple(event) for event in events[:-1]] == [
        ("steps", {"steps": ["section:0", "section:1"]}, "3"),
        ("outline", {"outline": ["I. Origins", "II. Fall"]}, "4"),
        ("section", {"position": 1, "heading": "II. Fall", "text": "Rome\r\nfell."}, "5"),
        (
            "attempt",
            {
                "step": "section:1",
                "attempt": 1,
                "at": "2026-01-01T00:00:00Z",
                "error": "HTTP 429",
                "nextRetryAt": "2026-01-01T00:00:00Z",
            },
            "6",
        ),
    ]
    assert events[-1] == Received("completed", await get_job(app, REPORTS), "7")


async def test_the_events_of_a_checklist(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_job(CHECKLISTS)
    checklist = Checklist((Item("Wash your hands.", "Wash your hands."),))
    await harness.process(
        job_id,
        Change(steps=(finished_step("summary/2:0", 0, Summary("Part.")),)),
        Change(steps=(finished_step("summary", 2, Summary("Clean hands.")),)),
        Change(attempts=(Attempt("checklist", 1, AT, "HTTP 500", AT),)),
        Change(steps=(finished_step("checklist", 3, checklist),)),
    )
    async with stream(app, CHECKLISTS, after=2) as listener:
        events = [await listener.next() for _ in range(4)]

    assert [tuple(event)[:2] for event in events] == [
        ("steps", {"steps": ["summary/2:0"]}),
        ("summary", {"summary": "Clean hands."}),
        (
            "attempt",
            {
                "step": "checklist",
                "attempt": 1,
                "at": "2026-01-01T00:00:00Z",
                "error": "HTTP 500",
                "next_retry_at": "2026-01-01T00:00:00Z",
            },
        ),
        (
            "checklist",
            {"checklist": "- Wash your hands.", "items": [{"text": "Wash your hands.", "quote": "Wash your hands."}]},
        ),
    ]


async def test_the_events_of_a_generation(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_job(GENERATIONS)
    await harness.process(
        job_id,
        Change(attempts=(Attempt("image:0", 1, AT, "HTTP 429", None, 429),)),
        Change(steps=(finished_step("image:0", 0, Image("image/png", 3, "abc")),)),
    )
    async with stream(app, GENERATIONS, after=2) as listener:
        events = [await listener.next() for _ in range(2)]

    assert [tuple(event)[:2] for event in events] == [
        (
            "attempt",
            {"number": 1, "step": "image:0", "at": "2026-01-01T00:00:00Z", "status": 429, "error": "HTTP 429"},
        ),
        ("image", {"position": 0, "url": f"http://test/api/generation/{UNKNOWN}/images/0"}),
    ]


async def test_after_any_cursor_exactly_the_later_events_follow(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(
        job_id, finish_outline("Origins", "Fall"), finish_section(0, "Village."), finish_section(1, "Ruins."), COMPLETED
    )
    last = harness.store.jobs[job_id].version
    whole = await events_of(app, after=1)

    assert ids_of(whole) == list(range(2, last + 1))
    for after in range(1, last):
        assert await events_of(app, after=after) == whole[after - 1 :]
        assert await events_of(app, Last_Event_ID=str(after)) == whole[after - 1 :]


async def test_many_missed_events_are_sent_in_order(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, *(Change(total=1) for _ in range(500)), COMPLETED)

    assert ids_of(await events_of(app, after=1)) == list(range(2, 504))


async def test_the_header_takes_precedence_over_the_query(app: ASGIApp, harness: ApiHarness) -> None:
    """A browser that reconnects sends its first URL again, and the last id in the header."""
    job_id = await harness.create_report()
    await harness.process(job_id, COMPLETED)

    assert ids_of(await events_of(app, after=1, Last_Event_ID="2")) == [3]


@pytest.mark.parametrize("cursor", ["0", "x", "-1", "1.0", "٣", "9" * 30])
async def test_an_id_that_is_not_a_version_is_ignored(app: ASGIApp, harness: ApiHarness, cursor: str) -> None:
    await harness.create_report()
    async with Listener(
        app, REPORTS.url(action="/events"), {"Last-Event-ID": cursor.encode().decode("latin-1")}
    ) as listener:
        assert (await listener.next()).name == "snapshot"


async def test_version_0_means_no_cursor(app: ASGIApp, harness: ApiHarness) -> None:
    await harness.create_report()
    async with stream(app, after=0) as listener:
        assert (await listener.next()).name == "snapshot"


@pytest.mark.parametrize("after", ["-1", "x", "1.5"])
async def test_a_query_that_is_not_a_version_is_rejected(app: ASGIApp, harness: ApiHarness, after: str) -> None:
    await harness.create_report()
    async with GetRequest(app, REPORTS.url(action=f"/events?after={after}")) as reading:
        body = await reading.body()

    assert isinstance(body, dict)
    assert (body["status"], body["errors"][0]["field"]) == (422, "after")


async def test_a_cursor_ahead_of_the_job_gets_a_gap_and_a_snapshot(app: ASGIApp, harness: ApiHarness) -> None:
    await harness.create_report()
    async with stream(app, after=9) as listener:
        gap, snapshot = await listener.next(), await listener.next()

    assert gap == Received("gap", {"after": 9, "version": 1})
    assert snapshot == Received("snapshot", await get_job(app, REPORTS), "1")


async def test_changes_that_the_store_loses_during_a_stream_are_a_gap(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    earlier = harness.store.jobs[job_id]
    await harness.process(job_id)
    async with stream(app) as listener:
        assert (await listener.next()).id == "2"
        harness.store.jobs[job_id] = earlier
        harness.store.events[job_id] = harness.store.events[job_id][:1]
        harness.store.notify_watches()
        gap, snapshot = await listener.next(), await listener.next()
        await harness.process(job_id, COMPLETED)
        rest = await listener.rest()

    assert gap == Received("gap", {"after": 2, "version": 1})
    assert (snapshot.name, snapshot.id) == ("snapshot", "1")
    assert ids_of(rest) == [2, 3]


@EVERY_KIND
async def test_a_caller_that_has_all_events_gets_204(app: ASGIApp, harness: ApiHarness, resource: Resource) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id, COMPLETED)
    for listener in (stream(app, resource, after=3), stream(app, resource, Last_Event_ID="3")):
        async with listener:
            await listener.rest()
            assert listener.status == 204


@EVERY_KIND
async def test_an_unknown_job_has_no_events(app: ASGIApp, resource: Resource) -> None:
    async with GetRequest(app, resource.url(action="/events")) as events, GetRequest(app, resource.url()) as job:
        answers = [await events.body(), await job.body()]

    assert [answer | {"instance": ""} for answer in answers if isinstance(answer, dict)] == [
        answers[0] | {"instance": ""}  # type: ignore[operator]
    ] * 2


async def test_a_job_that_is_deleted_ends_its_streams(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    async with stream(app) as listener:
        await listener.next()
        await harness.store.erase(job_id)
        assert await listener.rest() == []


async def test_the_stream_of_a_retried_job_continues_after_its_first_end(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, fail(Problem("model-failed", "It failed.")))
    first = await events_of(app, after=2)
    await harness.store.move(job_id, Change(status=Status.PENDING))
    await harness.process(job_id, COMPLETED)

    assert [(event.name, event.id) for event in first] == [("failed", "3")]
    assert [(event.name, event.id) for event in await events_of(app, after=3)] == [
        ("status", "4"),
        ("status", "5"),
        ("completed", "6"),
    ]
    assert (await events_of(app, after=2))[0] == Received("status", {"status": "failed"}, "3")


async def test_deltas_are_sent_without_an_id(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, finish_outline("Origins", "Fall"))
    async with stream(app) as listener:
        snapshot = await listener.next()
        harness.hub.publish(job_id, Delta("section:1", 2, 5, "Rome\n"))
        delta = await listener.next()

    assert delta == Received("section.delta", {"position": 1, "attempt": 2, "offset": 5, "text": "Rome\n"})
    assert listener.parser.last_id == snapshot.id


async def test_no_delta_is_sent_after_its_section(app: ASGIApp, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, finish_outline("Origins"), finish_section(0, "Village."))
    async with stream(app) as listener:
        await listener.next()
        harness.hub.publish(job_id, Delta("section:0", 1, 0, "Vill"))
        harness.hub.publish(job_id, Delta("outline", 1, 0, "{"))
        harness.hub.publish(job_id, Delta("section:1", 1, 0, "seen"))
        assert (await listener.next()).data["text"] == "seen"


async def test_an_unavailable_store_delays_the_stream_but_loses_nothing(
    app: ASGIApp, harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether.api.jobs.event_stream._RECONNECT_DELAY_S", 0.01)
    job_id = await harness.create_report()
    async with stream(app) as listener:
        await listener.next()
        await harness.process(job_id)
        harness.store.is_unavailable = True
        await asyncio.sleep(0.05)
        harness.store.is_unavailable = False
        job = harness.store.jobs[job_id]
        await harness.store.commit(job_id, job.epoch, job.version, COMPLETED)

        assert ids_of(await listener.rest()) == [2, 3]


async def test_pings_are_sent_while_nothing_changes(
    app: ASGIApp, harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "PING_INTERVAL_S", 0.01)
    await harness.create_report()
    async with stream(app) as listener:
        await listener.next()
        while listener.parser.comments < 3:  # noqa: ASYNC110 - a ping is no event
            await asyncio.sleep(0.005)


async def test_closing_the_hub_ends_streams(app: ASGIApp, harness: ApiHarness) -> None:
    await harness.create_report()
    listeners = [stream(app) for _ in range(10)]
    for listener in listeners:
        await listener.__aenter__()
        await listener.next()
    harness.hub.close()
    for listener in listeners:
        assert await listener.rest() == []
        assert listener.ended


async def test_head_ends_at_once(app: ASGIApp, harness: ApiHarness) -> None:
    await harness.create_report()
    async with Listener(app, REPORTS.url(action="/events"), method="HEAD") as listener:
        assert await listener.rest() == []

    assert (listener.status, listener.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


async def test_one_line_is_logged_at_the_end_of_a_stream(
    app: ASGIApp, harness: ApiHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = await harness.create_report()
    async with stream(app) as listener:
        await listener.next()
        await harness.process(job_id, finish_outline("Origins"), finish_section(0, "Village."), COMPLETED)
        await listener.rest()

    (line,) = capsys.readouterr().out.splitlines()
    assert "request.answered" in line
    assert UNKNOWN in line
