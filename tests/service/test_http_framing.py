"""Message framing: ambiguous and malformed requests do not reach the app, nor does anything that follows them."""

from collections.abc import AsyncIterator

import pytest

from tests.service.raw_http import CLOSE, HOST, Server, serving

SECOND_REQUEST = b"GET /behind HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


def post(*lines: bytes, body: bytes = b"{}") -> bytes:
    return b"\r\n".join([b"POST /x HTTP/1.1", HOST.strip(), *lines, b"", body])


AMBIGUOUS_REQUESTS = {
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


@pytest.mark.parametrize("sent", AMBIGUOUS_REQUESTS.values(), ids=AMBIGUOUS_REQUESTS)
async def test_an_ambiguous_request_is_rejected_with_everything_after_it(server: Server, sent: bytes) -> None:
    response = await server.request(sent + SECOND_REQUEST)

    assert (response.status, response.problem) == (400, "malformed-request")
    assert response.headers["connection"] == "close"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert len(response.headers["x-request-id"]) == 32
    assert server.requests == []


async def test_an_error_response_has_the_id_of_the_request(server: Server) -> None:
    response = await server.request(b"GET /x HTTP/1.1\r\nX-Request-Id: mine\r\n\r\n")

    assert response.headers["x-request-id"] == "mine"


async def test_the_error_response_to_head_has_no_body(server: Server) -> None:
    response = await server.request(b"HEAD /x HTTP/1.1\r\n\r\n")

    assert (response.status, response.body) == (400, b"")


async def test_a_request_with_a_broken_body_does_not_reach_the_app(server: Server) -> None:
    head, _, chunk = post(b"Transfer-Encoding: chunked", body=b"zz\r\n").partition(b"\r\n\r\n")
    response = await server.request(head + b"\r\n\r\n", chunk + SECOND_REQUEST)

    assert (response.status, response.problem) == (400, "malformed-request")
    assert server.requests == []


@pytest.mark.parametrize("target", [b"http://test/x?y", b"HTTP://TEST/x", b"http://test/x"])
async def test_a_target_in_absolute_form_is_accepted(server: Server, target: bytes) -> None:
    response = await server.request(b"GET " + target + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")

    assert (response.status, server.paths) == (200, ["/x"])


async def test_a_star_is_a_target_for_options_only(server: Server) -> None:
    response = await server.request(b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")

    assert (response.status, server.paths) == (200, ["*"])


async def test_http_1_0_needs_no_host(server: Server) -> None:
    response = await server.request(b"GET /x HTTP/1.0\r\n\r\n")

    assert (response.status, server.paths) == (200, ["/x"])


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    ("line", "body"), [(b"Content-Length: 2\r\n", b"{}"), (b"Transfer-Encoding: chunked\r\n", CHUNKS)]
)
async def test_an_upgrade_is_ignored_and_the_body_is_read(
    server: Server, line: bytes, body: bytes, *, split: bool
) -> None:
    head = b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE + line + b"\r\n"
    response = await server.request(
        *([head, *(bytes([each]) for each in body)] if split else [head + body + SECOND_REQUEST])
    )

    assert (response.status, response.body, response.headers["connection"]) == (200, b"{}", "close")
    assert server.requests == [("POST", "/x", b"{}")]


async def test_an_upgrade_with_an_empty_body_is_ignored(server: Server) -> None:
    response = await server.request(b"POST /x HTTP/1.1\r\n" + HOST + UPGRADE + b"Content-Length: 0\r\n\r\n")

    assert (response.status, server.requests) == (200, [("POST", "/x", b"")])


async def test_after_an_ignored_upgrade_the_next_request_is_read(server: Server) -> None:
    received = await server.exchange(b"GET /x HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n" + SECOND_REQUEST)

    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert server.paths == ["/x", "/behind"]


async def test_trailers_are_not_headers(server: Server) -> None:
    trailer = b"2\r\n{}\r\n0\r\nAuthorization: Bearer stolen\r\n\r\n"
    await server.request(post(b"Transfer-Encoding: chunked", b"Connection: close", body=trailer))

    assert server.requests == [("POST", "/x", b"{}")]
    assert [name for name, _ in server.heads[0]] == [b"host", b"transfer-encoding", b"connection"]
