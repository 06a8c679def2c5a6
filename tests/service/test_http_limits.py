"""Requests and readers without an end: each is cut off in time, and little of it is kept."""

import asyncio
import contextlib
import json
from functools import partial
from typing import Any

import pytest
from litestar.types import HTTPDisconnectEvent, HTTPReceiveMessage, HTTPRequestEvent, Message

from aether.api.middleware import body_timeout as refusals
from aether.server.request_checks import LONGEST_HEAD, LONGEST_TARGET, MOST_LINES
from aether.server.slow_clients import SlowClientWatch
from tests.service.api_client import House
from tests.service.raw_http import HOST, LAST, Answer, Server, serving

GET = b"GET /x HTTP/1.1\r\n" + HOST
POST = b"POST /x HTTP/1.1\r\n" + HOST
LONG = b"a" * 16_000_000
SOON = 0.1


async def flood(server: Server, *parts: bytes, again: bytes) -> tuple[Answer, int]:
    """Write the parts, then `again` until nobody takes it; return the answer and how much was taken."""
    taken = 0
    async with server.connection() as (reader, writer):
        writer.write(b"".join(parts))
        answering = asyncio.create_task(reader.read())
        with contextlib.suppress(ConnectionError):
            while not answering.done():
                writer.write(again)
                taken += len(again)
                await writer.drain()
                await asyncio.sleep(0.001)
        return Answer.parse(await answering), taken


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((b"GET /x HT",), id="a first line"),
        pytest.param((GET,), id="lines"),
        pytest.param((GET + LAST + b"\r\n", b"GET /y HTTP/1.1\r\n"), id="a second request"),
    ],
)
async def test_a_head_that_does_not_come_to_its_end_is_answered_408(parts: tuple[bytes, ...]) -> None:
    async with serving(head_s=SOON) as server:
        answered = await server.talk(*(part.replace(LAST, b"") for part in parts))

    answer = Answer.parse(answered[answered.rindex(b"HTTP/1.1 ") :])
    assert (answer.status, answer.problem, answer.headers["connection"]) == (408, "request-timeout", "close")


async def test_a_head_in_drops_gets_no_more_time() -> None:
    async with serving(head_s=SOON) as server:
        answer, _ = await flood(server, b"GET /", again=b"x")

    assert answer.status == 408


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
async def test_a_connection_on_which_nothing_is_asked_is_closed_without_a_word(sent: bytes) -> None:
    async with serving(head_s=SOON) as server:
        answered = await server.talk(sent)

    assert answered == b""


async def test_lines_that_say_nothing_do_not_keep_a_connection_that_was_used() -> None:
    async with serving(head_s=SOON) as server:
        answered = await server.talk(GET + b"\r\n", b"\r\n")

    assert answered.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("limit", ["_SILENCE_S", "WHOLE_BODY_S"])
async def test_a_body_that_does_not_come_to_its_end_is_answered_408(
    house: House, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(refusals, limit, SOON)
    answered: list[Any] = []

    async def drip() -> HTTPRequestEvent:
        await asyncio.sleep(SOON / 5 if limit == "WHOLE_BODY_S" else 60)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Message) -> None:
        answered.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"100000")]
    scope = {"type": "http", "method": "POST", "path": "/reports", "query_string": b"", "headers": headers}
    await house.local()(scope, drip, send)  # type: ignore[arg-type]  # as much of a scope as it takes

    start, body = answered
    assert (start["status"], dict(start["headers"])[b"connection"]) == (408, b"close")
    assert json.loads(body["body"])["type"] == "urn:aether:problem:request-timeout"


async def test_who_waits_for_an_answer_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_SILENCE_S", SOON)
    left: HTTPDisconnectEvent = {"type": "http.disconnect"}
    whole: HTTPRequestEvent = {"type": "http.request", "body": b"{}", "more_body": False}
    coming: list[HTTPReceiveMessage] = [whole, left]

    async def receive() -> HTTPReceiveMessage:
        await asyncio.sleep(0 if len(coming) == 2 else 2 * SOON)
        return coming.pop(0)

    body = refusals.BodyTimeout(receive)

    assert [await body(), await body()] == [whole, left]


@pytest.mark.parametrize("path", [b"/early", b"/x"])
async def test_a_connection_on_which_a_body_does_not_end_is_closed(path: bytes) -> None:
    async with serving(body_s=SOON) as server:
        answered = await server.talk(POST.replace(b"/x", path) + b"Content-Length: 2\r\n\r\n{")

    assert answered.count(b"HTTP/1.1 200 OK") == (path == b"/early")


async def test_who_is_answered_before_the_body_is_sent_can_read_the_answer() -> None:
    head = b"POST /early HTTP/1.1\r\n" + HOST + LAST + b"Content-Length: %d\r\n\r\n" % (2 * len(LONG))
    async with serving(linger_s=5) as server, server.connection() as (reader, writer):
        for sent in (head, LONG):
            writer.write(sent)
            await writer.drain()
        answered = await reader.read()

    assert answered.startswith(b"HTTP/1.1 200 OK")


async def test_a_line_without_end_is_refused_before_it_is_kept() -> None:
    async with serving() as server:
        answer, taken = await flood(server, GET, b"X: ", again=b"a" * 4_096)

    assert (answer.status, answer.problem) == (431, "headers-too-large")
    assert taken < 1_000_000
    assert server.asked == []


async def test_lines_without_end_are_refused_before_they_are_kept() -> None:
    async with serving() as server:
        answer, _ = await flood(server, GET, again=b"X: a\r\n" * 100)

    assert (answer.status, answer.problem) == (431, "headers-too-large")


async def test_a_target_without_end_is_refused_before_it_is_kept() -> None:
    async with serving() as server:
        answer, _ = await flood(server, b"GET /", again=b"a" * 4_096)

    assert (answer.status, answer.problem) == (414, "uri-too-long")


async def test_a_trailer_without_end_is_refused_before_it_is_kept() -> None:
    async with serving() as server:
        answer, _ = await flood(server, POST, b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", again=b"a" * 4_096)

    assert (answer.status, answer.problem) == (431, "headers-too-large")
    assert server.asked == []


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (GET + b"X: a\r\n" * (MOST_LINES - 2), 200),
        (GET + b"X: a\r\n" * (MOST_LINES - 1), 431),
        (GET + b"X: " + b"a" * (LONGEST_HEAD - 100) + b"\r\n", 200),
        (GET + b"X: " + b"a" * LONGEST_HEAD + b"\r\n", 431),
        (b"GET /" + b"a" * (LONGEST_TARGET - 1) + b" HTTP/1.1\r\n" + HOST, 200),
        (b"GET /" + b"a" * LONGEST_TARGET + b" HTTP/1.1\r\n" + HOST, 414),
    ],
)
async def test_a_whole_head_is_measured_exactly(head: bytes, status: int) -> None:
    async with serving() as server:
        answer = await server.ask(head + LAST + b"\r\n")

    assert answer.status == status


async def test_a_long_body_is_no_long_head() -> None:
    body = b"a" * 4 * LONGEST_HEAD
    async with serving() as server:
        answer = await server.ask(POST + LAST + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    assert (answer.status, answer.body == body) == (200, True)


async def test_requests_ahead_of_their_answers_are_answered_in_order() -> None:
    async with serving() as server:
        answered = await server.talk(
            *[b"".join(GET.replace(b"x", b"%d" % at) + b"\r\n" for at in range(5))], GET + LAST + b"\r\n"
        )

    assert answered.count(b"HTTP/1.1 200 OK") == 6
    assert server.paths == ["/0", "/1", "/2", "/3", "/4", "/x"]


async def test_too_many_requests_ahead_of_their_answers_end_the_connection() -> None:
    async with serving() as server:
        answered = await server.talk((b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n") * 50)

    assert (answered, len(server.asked)) == (b"", 1)


async def test_a_broken_request_behind_one_that_is_not_answered_yet_gets_no_answer_before_it() -> None:
    async with serving() as server:
        answered = await server.talk(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + b"nonsense\r\n\r\n")

    assert answered == b""


async def test_a_connection_too_many_is_told_when_to_come_back() -> None:
    async with serving(most=1) as server, server.connection():
        answer = await server.ask(GET + b"\r\n")

    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "too-many-connections", "5")
    assert server.asked == []


async def test_a_probe_is_answered_on_a_connection_too_many() -> None:
    async with serving(most=1) as server, server.connection():
        answer = await server.ask(b"GET /health/live HTTP/1.1\r\n" + HOST + LAST + b"\r\n")

    assert answer.status == 200


async def test_those_that_are_there_are_served_while_there_are_too_many() -> None:
    async with serving(most=1) as server, server.connection() as (reader, writer), server.connection():
        refused = await server.ask(GET + b"\r\n")
        writer.write(GET + LAST + b"\r\n")
        answer = Answer.parse(await reader.read())

    assert (refused.status, answer.status) == (503, 200)


async def test_who_takes_too_little_of_an_answer_is_cut_off() -> None:
    async with serving(watch=partial(SlowClientWatch, every_s=SOON)) as server, server.connection() as (reader, writer):
        writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(LONG) + LONG)
        await writer.drain()
        while server.state.connections:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        taken = await reader.read()

    assert len(taken) < len(LONG)


async def test_who_takes_an_answer_slowly_but_steadily_gets_it_whole() -> None:
    taken = 0
    async with (
        serving(watch=partial(SlowClientWatch, every_s=0.5, least=1)) as server,
        server.connection() as (reader, writer),
    ):
        writer.write(POST + LAST + b"Content-Length: %d\r\n\r\n" % len(LONG) + LONG)
        await writer.drain()
        while piece := await reader.read(500_000):
            taken += len(piece)
            await asyncio.sleep(0.005)

    assert taken > len(LONG)
