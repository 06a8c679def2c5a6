"""Limits of a connection: endless requests and slow clients are disconnected in time, and little of them is stored."""

import asyncio
import contextlib
import json
from functools import partial
from typing import Any

import pytest
from litestar.types import HTTPDisconnectEvent, HTTPReceiveMessage, HTTPRequestEvent, Message

from aether.api.middleware import body_timeout
from aether.server.request_checks import MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from aether.server.slow_clients import SlowClientWatch
from tests.service.api_harness import ApiHarness
from tests.service.raw_http import CLOSE, HOST, Response, Server, serving

GET = b"GET /x HTTP/1.1\r\n" + HOST
POST = b"POST /x HTTP/1.1\r\n" + HOST
LARGE_BODY = b"a" * 16_000_000
SOON = 0.1


async def flood(server: Server, *parts: bytes, again: bytes) -> tuple[Response, int]:
    """Send the parts, then `again` until the server stops reading; return the response and the bytes sent."""
    sent_bytes = 0
    async with server.connection() as (reader, writer):
        writer.write(b"".join(parts))
        answering = asyncio.create_task(reader.read())
        with contextlib.suppress(ConnectionError):
            while not answering.done():
                writer.write(again)
                sent_bytes += len(again)
                await writer.drain()
                await asyncio.sleep(0.001)
        return Response.parse(await answering), sent_bytes


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((b"GET /x HT",), id="a first line"),
        pytest.param((GET,), id="lines"),
        pytest.param((GET + CLOSE + b"\r\n", b"GET /y HTTP/1.1\r\n"), id="a second request"),
    ],
)
async def test_an_incomplete_head_is_answered_408(parts: tuple[bytes, ...]) -> None:
    async with serving(head_timeout_s=SOON) as server:
        received = await server.exchange(*(part.replace(CLOSE, b"") for part in parts))

    response = Response.parse(received[received.rindex(b"HTTP/1.1 ") :])
    assert (response.status, response.problem, response.headers["connection"]) == (408, "request-timeout", "close")


async def test_a_head_that_trickles_in_gets_no_more_time() -> None:
    async with serving(head_timeout_s=SOON) as server:
        response, _ = await flood(server, b"GET /", again=b"x")

    assert response.status == 408


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
async def test_a_connection_without_a_request_is_closed_without_a_response(sent: bytes) -> None:
    async with serving(head_timeout_s=SOON) as server:
        received = await server.exchange(sent)

    assert received == b""


async def test_empty_lines_do_not_keep_an_idle_connection_open() -> None:
    async with serving(head_timeout_s=SOON) as server:
        received = await server.exchange(GET + b"\r\n", b"\r\n")

    assert received.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("limit", ["_SILENCE_S", "WHOLE_BODY_S"])
async def test_an_incomplete_body_is_answered_408(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(body_timeout, limit, SOON)
    received: list[Any] = []

    async def drip() -> HTTPRequestEvent:
        await asyncio.sleep(SOON / 5 if limit == "WHOLE_BODY_S" else 60)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Message) -> None:
        received.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"100000")]
    scope = {"type": "http", "method": "POST", "path": "/reports", "query_string": b"", "headers": headers}
    await harness.local_app()(scope, drip, send)  # type: ignore[arg-type]  # as much of a scope as it takes

    start, body = received
    assert (start["status"], dict(start["headers"])[b"connection"]) == (408, b"close")
    assert json.loads(body["body"])["type"] == "urn:aether:problem:request-timeout"


async def test_a_client_may_be_silent_once_its_request_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_timeout, "_SILENCE_S", SOON)
    left: HTTPDisconnectEvent = {"type": "http.disconnect"}
    whole: HTTPRequestEvent = {"type": "http.request", "body": b"{}", "more_body": False}
    coming: list[HTTPReceiveMessage] = [whole, left]

    async def receive() -> HTTPReceiveMessage:
        await asyncio.sleep(0 if len(coming) == 2 else 2 * SOON)
        return coming.pop(0)

    body = body_timeout.BodyTimeout(receive)

    assert [await body(), await body()] == [whole, left]


@pytest.mark.parametrize("path", [b"/early", b"/x"])
async def test_a_connection_with_an_incomplete_body_is_closed(path: bytes) -> None:
    async with serving(body_timeout_s=SOON) as server:
        received = await server.exchange(POST.replace(b"/x", path) + b"Content-Length: 2\r\n\r\n{")

    assert received.count(b"HTTP/1.1 200 OK") == (path == b"/early")


async def test_a_client_that_is_answered_before_its_body_is_sent_can_read_the_response() -> None:
    head = b"POST /early HTTP/1.1\r\n" + HOST + CLOSE + b"Content-Length: %d\r\n\r\n" % (2 * len(LARGE_BODY))
    async with serving(linger_s=5) as server, server.connection() as (reader, writer):
        for sent in (head, LARGE_BODY):
            writer.write(sent)
            await writer.drain()
        received = await reader.read()

    assert received.startswith(b"HTTP/1.1 200 OK")


async def test_an_endless_header_is_rejected_before_it_is_stored() -> None:
    async with serving() as server:
        response, sent_bytes = await flood(server, GET, b"X: ", again=b"a" * 4_096)

    assert (response.status, response.problem) == (431, "headers-too-large")
    assert sent_bytes < 1_000_000
    assert server.requests == []


async def test_endless_headers_are_rejected_before_they_are_stored() -> None:
    async with serving() as server:
        response, _ = await flood(server, GET, again=b"X: a\r\n" * 100)

    assert (response.status, response.problem) == (431, "headers-too-large")


async def test_an_endless_target_is_rejected_before_it_is_stored() -> None:
    async with serving() as server:
        response, _ = await flood(server, b"GET /", again=b"a" * 4_096)

    assert (response.status, response.problem) == (414, "uri-too-long")


async def test_an_endless_trailer_is_rejected_before_it_is_stored() -> None:
    async with serving() as server:
        response, _ = await flood(server, POST, b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", again=b"a" * 4_096)

    assert (response.status, response.problem) == (431, "headers-too-large")
    assert server.requests == []


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (GET + b"X: a\r\n" * (MAX_HEADERS - 2), 200),
        (GET + b"X: a\r\n" * (MAX_HEADERS - 1), 431),
        (GET + b"X: " + b"a" * (MAX_HEAD_BYTES - 100) + b"\r\n", 200),
        (GET + b"X: " + b"a" * MAX_HEAD_BYTES + b"\r\n", 431),
        (b"GET /" + b"a" * (MAX_TARGET_BYTES - 1) + b" HTTP/1.1\r\n" + HOST, 200),
        (b"GET /" + b"a" * MAX_TARGET_BYTES + b" HTTP/1.1\r\n" + HOST, 414),
    ],
)
async def test_the_limits_of_a_head_are_exact(head: bytes, status: int) -> None:
    async with serving() as server:
        response = await server.request(head + CLOSE + b"\r\n")

    assert response.status == status


async def test_a_long_body_does_not_count_as_head() -> None:
    body = b"a" * 4 * MAX_HEAD_BYTES
    async with serving() as server:
        response = await server.request(POST + CLOSE + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    assert (response.status, response.body == body) == (200, True)


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving() as server:
        received = await server.exchange(
            *[b"".join(GET.replace(b"x", b"%d" % at) + b"\r\n" for at in range(5))], GET + CLOSE + b"\r\n"
        )

    assert received.count(b"HTTP/1.1 200 OK") == 6
    assert server.paths == ["/0", "/1", "/2", "/3", "/4", "/x"]


async def test_a_client_that_reads_too_slowly_is_disconnected() -> None:
    async with (
        serving(slow_client_watch=partial(SlowClientWatch, interval_s=SOON)) as server,
        server.connection() as (reader, writer),
    ):
        writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(LARGE_BODY) + LARGE_BODY)
        await writer.drain()
        while server.state.connections:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        received = await reader.read()

    assert len(received) < len(LARGE_BODY)


async def test_a_client_that_reads_slowly_but_steadily_gets_the_whole_response() -> None:
    received_bytes = 0
    async with (
        serving(slow_client_watch=partial(SlowClientWatch, interval_s=0.5, min_bytes=1)) as server,
        server.connection() as (reader, writer),
    ):
        writer.write(POST + CLOSE + b"Content-Length: %d\r\n\r\n" % len(LARGE_BODY) + LARGE_BODY)
        await writer.drain()
        while piece := await reader.read(500_000):
            received_bytes += len(piece)
            await asyncio.sleep(0.005)

    assert received_bytes > len(LARGE_BODY)
