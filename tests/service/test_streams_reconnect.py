"""Reconnecting to event streams: while the store is away, a browser's EventSource is kept alive instead of ended."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.types import ASGIApp
from typing_extensions import override

from aether.api.http import sse
from aether.domain.job import Change, Status
from tests.event_streams import Listener
from tests.service.api_harness import ApiHarness
from tests.service.raw_http import HOST, serving
from tests.service.resources import EVERY_KIND, REPORTS, Resource

COMPLETED = Change(status=Status.COMPLETED)


@pytest.fixture
async def app(harness: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ASGIApp]:
    # The fake hub does not know when the store is back.
    monkeypatch.setattr(sse, "PING_INTERVAL_S", 0.01)
    yield harness.local_app()
    assert harness.hub.watches == set()


class Problem(Listener):
    """A response that is no stream."""

    @override
    async def _send(self, message: Any) -> None:  # Any: any ASGI message
        if message["type"] == "http.response.start":
            await super()._send(message)


def reconnect(app: ASGIApp, version: int, resource: Resource = REPORTS, **headers: str) -> Listener:
    return Listener(app, resource.url(action="/events"), {"Last-Event-ID": str(version), **headers})


async def started(listener: Listener) -> None:
    while not listener.status:  # noqa: ASYNC110 - the response tells nobody
        await asyncio.sleep(0.001)


@EVERY_KIND
async def test_the_stream_goes_on_when_the_store_is_back(app: ASGIApp, harness: ApiHarness, resource: Resource) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id)
    harness.store.is_unavailable = True
    async with reconnect(app, 1, resource) as listener:
        await started(listener)
        await asyncio.sleep(0.03)
        harness.store.is_unavailable = False
        event = await listener.next()
        await harness.store.commit(job_id, 2, 2, COMPLETED)
        (end,) = await listener.rest()

    assert (listener.status, listener.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert (event.name, event.id, end.id) == ("status", "2", "3")
    assert listener.parser.retry_ms is not None
    assert listener.ended


async def test_pings_are_sent_while_the_store_is_away(app: ASGIApp, harness: ApiHarness) -> None:
    harness.store.is_unavailable = True
    async with reconnect(app, 1) as listener:
        while listener.parser.comments < 3:  # noqa: ASYNC110 - a ping is no event
            await asyncio.sleep(0.005)
        harness.hub.close()
        assert await listener.rest() == []


async def test_a_job_that_has_ended_meanwhile_ends_the_stream_so_that_the_next_request_is_204(
    app: ASGIApp, harness: ApiHarness
) -> None:
    await harness.process(await harness.create_report(), COMPLETED)
    harness.store.is_unavailable = True
    async with reconnect(app, 3) as listener:
        await started(listener)
        harness.store.is_unavailable = False
        assert await listener.rest() == []
    async with reconnect(app, 3) as again:
        await again.rest()

    assert (listener.status, again.status) == (200, 204)


async def test_an_unknown_job_ends_the_stream_so_that_the_next_request_is_404(
    app: ASGIApp, harness: ApiHarness
) -> None:
    harness.store.is_unavailable = True
    async with reconnect(app, 3) as listener:
        await started(listener)
        harness.store.is_unavailable = False
        assert await listener.rest() == []

    assert listener.status == 200
    assert listener.ended


async def test_the_stream_ends_when_the_server_stops(app: ASGIApp, harness: ApiHarness) -> None:
    harness.store.is_unavailable = True
    async with reconnect(app, 1) as listener:
        await started(listener)
        harness.hub.close()
        assert await listener.rest() == []


@pytest.mark.parametrize("credential", ["unknown key", "no key"])
async def test_a_caller_who_cannot_be_identified_now_is_told_to_reconnect(
    app: ASGIApp, harness: ApiHarness, credential: str
) -> None:
    headers = await harness.authorization("a") if credential == "unknown key" else {}
    harness.keys.is_unavailable = True
    async with reconnect(app, 1, REPORTS, **headers) as listener:
        assert await listener.rest() == []
    async with Problem(app, "/reports", headers) as other:
        await other.rest()

    assert (listener.status, other.status) == (200, 503)
    assert listener.headers["cache-control"] == "no-store, no-transform"
    assert listener.parser.retry_ms is not None
    assert listener.parser.retry_ms >= 2_000


async def test_the_stream_of_notifications_is_kept_alive_too(app: ASGIApp, harness: ApiHarness) -> None:
    harness.keys.is_unavailable = True
    async with Listener(app, "/notifications/events", {"Last-Event-ID": "1"}) as listener:
        assert await listener.rest() == []

    assert listener.status == 200


async def test_a_first_connection_is_told_that_the_store_is_unavailable(app: ASGIApp, harness: ApiHarness) -> None:
    harness.store.is_unavailable = True
    async with Problem(app, REPORTS.url(action="/events")) as answer:
        await answer.rest()

    assert answer.status == 503


async def test_on_a_surplus_connection_a_browser_is_told_to_reconnect() -> None:
    head = b"GET /reports/x/events HTTP/1.1\r\n" + HOST
    async with serving(max_connections=1) as server, server.connection():
        again = await server.request(head + b"Last-Event-ID: 7\r\n\r\n")
        first = await server.request(head + b"\r\n")
        other = await server.request(head.replace(b"/events", b"") + b"Last-Event-ID: 7\r\n\r\n")

    assert (again.status, again.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert again.headers["connection"] == "close"
    assert again.body.startswith(b"retry: ")
    assert (first.status, other.status) == (503, 503)
