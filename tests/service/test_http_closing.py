"""Closing connections: what was read whole is answered first, whatever follows it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.service.raw_http import CLOSE, HOST, Response, Server, serving

POST = b"POST /slow HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"
GET = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKS = b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
OVERSIZED = b"GET /x HTTP/1.1\r\nX: " + b"a" * 600_000

GARBAGE = {
    "the rest of a body that is longer than its length": 'ü"}\n'.encode(),
    "a word": b"nonsense\r\n\r\n",
    "zeros": b"\0" * 100,
    "empty lines and a word": b"\r\n\r\nnonsense",
    "TLS": bytes.fromhex("16030100c8010000c40303"),
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a request without a host": b"GET /x HTTP/1.1\r\n\r\n",
    "a request with a bad line": b"GET /x HTTP/1.1\r\nHost : test\r\n\r\n",
    "a head that is too large": OVERSIZED,
    "a body with a bad chunk": CHUNKS + b"zz\r\n",
    "a body with a bad length": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n",
}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


async def answered(server: Server, *parts: bytes, eof: bool = False) -> bytes:
    """Send the parts, let the slow requests be answered, and return everything received until the connection ends."""
    async with server.connection() as (reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        if eof:
            writer.write_eof()
        await asyncio.sleep(0.02)
        server.released.set()
        return await reader.read()


@pytest.mark.parametrize("split", [False, True], ids=["in one packet", "in two packets"])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_a_request_that_was_read_whole_is_answered_before_garbage_closes_the_connection(
    server: Server, garbage: bytes, *, split: bool
) -> None:
    parts = [POST, garbage] if split else [POST + garbage]
    response = Response.parse(await answered(server, *parts))

    assert (response.status, response.body, response.headers["connection"]) == (200, b"{}", "close")
    assert server.requests == [("POST", "/slow", b"{}")]


@pytest.mark.parametrize("whole", [GET, CHUNKS.replace(b"/x", b"/slow") + b"2\r\n{}\r\n0\r\n\r\n"])
async def test_it_is_answered_whatever_its_form(server: Server, whole: bytes) -> None:
    response = Response.parse(await answered(server, whole + b"nonsense\r\n\r\n"))

    assert (response.status, server.paths) == (200, ["/slow"])


async def test_a_request_that_wants_to_close_is_answered_although_more_follows(server: Server) -> None:
    whole = POST.replace(HOST, HOST + CLOSE)
    response = Response.parse(await answered(server, whole + b"nonsense\r\n\r\n"))

    assert (response.status, response.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_all_requests_that_were_read_whole_are_answered(server: Server, garbage: bytes) -> None:
    second = POST.replace(b"/slow", b"/second")
    received = await answered(server, POST + second + GET.replace(b"/slow", b"/third") + garbage)

    assert received.count(b"HTTP/1.1 200 OK") == received.count(b"HTTP/1.1 ") == 3
    assert server.paths == ["/slow", "/second", "/third"]


async def test_garbage_after_a_response_is_answered_400(server: Server) -> None:
    server.released.set()
    received = await answered(server, POST, b"nonsense\r\n\r\n")

    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


async def test_a_client_that_goes_on_sending_garbage_can_read_the_response(server: Server) -> None:
    async with server.connection() as (reader, writer):
        writer.write(POST + b"nonsense\r\n\r\n")
        for _ in range(50):
            writer.write(b"a" * 65_536)
            await writer.drain()
        server.released.set()
        received = await reader.read()

    assert Response.parse(received).body == b"{}"


async def test_too_many_pipelined_requests_close_the_connection_after_those_that_were_read() -> None:
    async with serving() as server:
        received = await answered(server, GET * 50)

    assert received.count(b"HTTP/1.1 200 OK") == len(server.requests) == 17


async def test_a_slow_response_is_not_cut_by_the_deadline_of_the_request_behind_it() -> None:
    async with serving(head_timeout_s=0.05, body_timeout_s=0.05) as server, server.connection() as (reader, writer):
        writer.write(POST + POST[:-1])
        await asyncio.sleep(0.3)
        server.released.set()
        head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE"])
async def test_a_request_that_may_have_changed_something_is_answered_after_the_client_stopped_sending(
    server: Server, method: bytes
) -> None:
    response = Response.parse(await answered(server, POST.replace(b"POST", method), eof=True))

    assert (response.status, response.body) == (200, b"{}")


@pytest.mark.parametrize("rest", [b"", b"GET /x HT", POST[:-1]], ids=["nothing", "half a head", "half a body"])
async def test_it_is_answered_too_if_others_follow_it(server: Server, rest: bytes) -> None:
    second = POST.replace(b"/slow", b"/second")
    received = await answered(server, POST + second + rest, eof=True)

    assert received.count(b"HTTP/1.1 200 OK") == 2


async def test_a_read_ends_when_the_client_has_disconnected(server: Server) -> None:
    assert await answered(server, GET, eof=True) == b""


async def test_an_incomplete_request_ends_when_the_client_has_disconnected(server: Server) -> None:
    assert await answered(server, POST[:-1], eof=True) == b""
