"""HTTP in real processes: the server, its protocol limits and its log, in front of the real API."""

import json
import resource
import select
import socket
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2

from tests.service.stack import API, KEY, Stack
from tests.waiting import PATIENCE_S

CHUNK = b"10000\r\n" + b" " * 65_536 + b"\r\n"


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S)


def read(connection: socket.socket) -> HTTPResponse:
    answer = HTTPResponse(connection)
    answer.begin()
    return answer


def ask(connection: socket.socket) -> int:
    """Send a request on a connection that may have been closed after a response; return the status of the response."""
    with suppress(BrokenPipeError):
        connection.sendall(b"GET /reports HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = read(connection)
    answer.read()
    return answer.status


def problem_of(answer: HTTPResponse) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    word: str = json.loads(answer.read())["type"].rpartition(":")[2]
    return word


def send_until_answered(connection: socket.socket, endless: bytes) -> None:
    while not select.select([connection], [], [], 0)[0]:
        connection.sendall(endless)


def resident_bytes(pid: int) -> int:
    """Return how much memory the process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def test_bytes_that_are_no_request_are_answered_by_a_problem(bare: Stack) -> None:
    with connect(bare.url) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03")
        answer = read(connection)

    assert (answer.status, problem_of(answer)) == (400, "malformed-request")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Server"] is None


def test_the_key_of_a_rejected_request_is_not_repeated(bare: Stack) -> None:
    with connect(bare.url) as connection:
        connection.sendall(b"GET /reports HTTP/1.1\r\nAuthorization: Bearer " + KEY.encode() + b"\r\nHost : x\r\n\r\n")
        answered = read(connection).read()

    assert KEY.encode() not in answered
    assert bare.leaks() == []


def test_an_endless_head_takes_no_memory(bare: Stack) -> None:
    before = resident_bytes(bare.api.pid)
    with connect(bare.url) as connection:
        connection.sendall(b"GET /reports HTTP/1.1\r\nHost: test\r\nX: ")
        send_until_answered(connection, b"a" * 65_536)
        answer = read(connection)

    assert answer.status == 431
    assert resident_bytes(bare.api.pid) - before < 10_000_000


def test_an_endless_body_is_rejected_once_it_is_too_large(bare: Stack) -> None:
    before = resident_bytes(bare.api.pid)
    with connect(bare.url) as connection:
        head = b"POST /reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        send_until_answered(connection, CHUNK)
        answer = read(connection)

    assert (answer.status, problem_of(answer)) == (413, "body-too-large")
    assert resident_bytes(bare.api.pid) - before < 10_000_000


def test_surplus_connections_are_rejected_until_others_close(bare: Stack) -> None:
    with bare.another_api(AETHER_MAX_CONNECTIONS="3") as url:
        held = [connect(url) for _ in range(3)]
        with httpx2.Client(base_url=url) as http:
            refused, probed = http.get("/reports"), http.get("/health/live")
        for connection in held:
            connection.close()
        with httpx2.Client(base_url=url) as http:
            answered = http.get("/reports")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json()["type"] == "urn:aether:problem:too-many-connections"
    assert (probed.status_code, answered.status_code) == (200, 200)


def test_only_a_trusted_proxy_sets_the_caller_s_scheme(bare: Stack) -> None:
    by_tls = {"X-Forwarded-Proto": "https"}
    trusted = bare.http.get("/reports", headers=by_tls)
    with bare.another_api(AETHER_TRUSTED_PROXIES="10.0.0.0/8") as url:
        untrusted = httpx2.get(f"{url}/reports", headers=by_tls)

    said = ["Strict-Transport-Security" in answer.headers for answer in (trusted, untrusted)]
    assert said == [True, False]


def test_pages_of_listed_origins_may_call_a_real_server(bare: Stack) -> None:
    with bare.another_api(AETHER_CORS_ORIGINS="https://app.example.com") as url:
        asked = httpx2.options(
            f"{url}/reports", headers={"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
        )

    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example.com")


def test_text_from_a_caller_stays_within_its_log_line(bare: Stack) -> None:
    hostile = 'x\r\n{"event":"forged"}\x1b[2J\u2028'
    bare.http.post("/reports", json={"topic": hostile})
    bare.http.post("/reports", json={"topic": "The Ink of Forgers", "metadata": {hostile: hostile}})
    bare.http.put("/webhooks/endpoint", json={"url": f"http://localhost/{hostile}"})
    bare.http.get(f"/reports/{quote(hostile)}", params={hostile: hostile})
    bare.http.get("/reports", headers={b"X-Request-Id": b"a\xff", b"User-Agent": "\u2028".encode()})
    bare.http.get("/reports", headers={b"Authorization": b"Bearer \xff\xc2\x85"})

    lines = bare.api.log.read_text().splitlines()
    assert [line for line in lines if not isinstance(json.loads(line), dict)] == []
    assert [line for line in lines if json.loads(line)["event"] == "forged"] == []


def test_with_few_descriptors_further_connections_are_told_so_and_health_checks_are_answered(bare: Stack) -> None:
    few = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *API]
    with bare.another_api(few) as url, ExitStack() as stack:
        served = [stack.enter_context(connect(url)) for _ in range(128)]
        before = [ask(connection) for connection in served]
        surplus = [stack.enter_context(connect(url)) for _ in range(400)]
        with httpx2.Client(base_url=url) as http:
            probes = [http.get("/health/live").status_code for _ in range(20)]
            rejected = httpx2.get(f"{url}/reports")
        told = [ask(connection) for connection in surplus]
        after = [ask(connection) for connection in served]

    assert before == after == [200] * 128
    assert (probes, told) == ([200] * 20, [503] * 400)
    assert (rejected.status_code, rejected.headers["Retry-After"]) == (503, "5")
