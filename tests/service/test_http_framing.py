"""Requests that could be read in two ways, or are none: they do not reach the app, and neither does what follows."""

from collections.abc import AsyncIterator

import pytest

from tests.service.raw_http import HOST, LAST, Server, serving

BEHIND = b"GET /behind HTTP/1.1\r\n" + HOST + LAST + b"\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


def post(*lines: bytes, body: bytes = b"{}") -> bytes:
    return b"\r\n".join([b"POST /x HTTP/1.1", HOST.strip(), *lines, b"", body])


TWO_WAYS = {
    "length and chunks": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKS),
    "chunks and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=CHUNKS),
    "two lengths": post(b"Content-Length: 2", b"Content-Length: 3"),
    "the same length twice": post(b"Content-Length: 2", b"Content-Length: 2"),
    "a list of lengths": post(b"Content-Length: 2, 2"),
    "a length with a sign": post(b"Content-Length: +2"),
    "a length beyond counting": post(b"Content-Length: 99999999999999999999"),
    "a coding before chunks": post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "a coding that is none": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "chunks twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS),
    "identity, then chunks": post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=CHUNKS),
    "chunks in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk size in C": post(b"Transfer-Encoding: chunked", body=b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk that is longer": post(b"Transfer-Encoding: chunked", body=b"1\r\n{}\r\n0\r\n\r\n"),
    "chunks in bare lines": post(b"Transfer-Encoding: chunked", body=b"2\n{}\n0\n\n"),
    "a folded line": post(b"X: a", b" b", b"Content-Length: 2"),
    "a folded coding": post(b"Transfer-Encoding:", b" chunked", body=CHUNKS),
    "a space before the colon": post(b"Content-Length : 2"),
    "a space before the name": post(b" Content-Length: 2"),
    "no colon": post(b"Content-Length 2"),
    "no name": post(b": 2"),
    "NUL in a value": post(b"X: a\0b", b"Content-Length: 2"),
    "CR in a value": post(b"X: a\rb", b"Content-Length: 2"),
    "escape in a value": post(b"X: a\x1b[2Jb", b"Content-Length: 2"),
    "bare lines": post(b"Content-Length: 2").replace(b"\r\n", b"\n"),
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /x HTTP/1.1\r\nHost: test\r\nHost: other\r\n\r\n",
    "a target of another host": b"GET http://other/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target with a user": b"GET http://test@other/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target of another kind": b"GET ftp://test/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target that is a star": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target with a space": b"GET /x y HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target in UTF-8": "GET /ü HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "a target with a control character": b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT test:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in small letters": b"get /x HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /x\r\n\r\n",
    "HTTP/2 unasked": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in name": b"GET /x HTTP/2.0\r\n" + HOST + b"\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303"),
}


@pytest.mark.parametrize("sent", TWO_WAYS.values(), ids=TWO_WAYS)
async def test_what_is_not_clear_is_refused_with_all_that_follows(server: Server, sent: bytes) -> None:
    answer = await server.ask(sent + BEHIND)

    assert (answer.status, answer.problem) == (400, "malformed-request")
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.headers["x-request-id"]) == 32
    assert server.asked == []


async def test_a_refusal_carries_the_id_of_the_request_if_there_is_one(server: Server) -> None:
    answer = await server.ask(b"GET /x HTTP/1.1\r\nX-Request-Id: mine\r\n\r\n")

    assert answer.headers["x-request-id"] == "mine"


async def test_head_is_refused_without_a_body(server: Server) -> None:
    answer = await server.ask(b"HEAD /x HTTP/1.1\r\n\r\n")

    assert (answer.status, answer.body) == (400, b"")


async def test_what_follows_the_head_of_a_broken_body_is_not_taken_for_the_app(server: Server) -> None:
    head, _, chunk = post(b"Transfer-Encoding: chunked", body=b"zz\r\n").partition(b"\r\n\r\n")
    answer = await server.ask(head + b"\r\n\r\n", chunk + BEHIND)

    assert (answer.status, answer.problem) == (400, "malformed-request")
    assert server.asked == []


@pytest.mark.parametrize("target", [b"http://test/x?y", b"HTTP://TEST/x", b"http://test/x"])
async def test_a_whole_address_as_target_is_that_of_a_proxy(server: Server, target: bytes) -> None:
    answer = await server.ask(b"GET " + target + b" HTTP/1.1\r\n" + HOST + LAST + b"\r\n")

    assert (answer.status, server.paths) == (200, ["/x"])


async def test_a_star_is_the_target_of_options_alone(server: Server) -> None:
    answer = await server.ask(b"OPTIONS * HTTP/1.1\r\n" + HOST + LAST + b"\r\n")

    assert (answer.status, server.paths) == (200, ["*"])


async def test_old_clients_name_no_host(server: Server) -> None:
    answer = await server.ask(b"GET /x HTTP/1.0\r\n\r\n")

    assert (answer.status, server.paths) == (200, ["/x"])


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("line", "body"), [(b"Content-Length: 2\r\n", b"{}"), (b"Transfer-Encoding: chunked\r\n", CHUNKS)]
)
async def test_another_protocol_is_not_taken_up_and_the_body_is_read_as_it_is(
    server: Server, line: bytes, body: bytes, *, split: bool
) -> None:
    head = b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE + line + b"\r\n"
    answer = await server.ask(*([head, *(bytes([each]) for each in body)] if split else [head + body + BEHIND]))

    assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"{}", "close")
    assert server.asked == [("POST", "/x", b"{}")]


async def test_a_wish_for_another_protocol_with_an_empty_body_is_a_request(server: Server) -> None:
    answer = await server.ask(b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE + b"Content-Length: 0\r\n\r\n")

    assert (answer.status, server.asked) == (200, [("POST", "/x", b"")])


async def test_what_follows_a_wish_for_another_protocol_is_the_next_request(server: Server) -> None:
    answered = await server.talk(b"GET /x HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n" + BEHIND)

    assert answered.count(b"HTTP/1.1 200 OK") == 2
    assert server.paths == ["/x", "/behind"]


async def test_lines_behind_a_body_are_nobodys_header(server: Server) -> None:
    trailer = b"2\r\n{}\r\n0\r\nAuthorization: Bearer stolen\r\n\r\n"
    await server.ask(post(b"Transfer-Encoding: chunked", b"Connection: close", body=trailer))

    assert server.asked == [("POST", "/x", b"{}")]
    assert [name for name, _ in server.heads[0]] == [b"host", b"transfer-encoding", b"connection"]
