"""What happens to every request, whatever it asks for: an id, one line in the log, headers that browsers heed."""

import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from secrets import token_hex

import msgspec
import structlog
from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPDisconnectEvent, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import RawHeadersList

from aether.api.middleware.body_timeout import BodyTimeout
from aether.api.middleware.cors import Cors

log = structlog.get_logger()

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_LISTS = (b"if-none-match", b"prefer")

SAFE_HEADERS: RawHeadersList = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""What every answer tells browsers, unless its handler says otherwise."""
# Where the caller came by TLS; of other hosts of the same domain we know nothing.
_TLS_ONLY: RawHeadersList = [(b"strict-transport-security", b"max-age=31536000")]


class _Exchange(msgspec.Struct):
    """One request and how it was answered so far."""

    request_id: str
    send: Send
    lines: RawHeadersList
    without_body: bool
    status: int | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    async def answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = _completed(message["headers"], self)
        elif message["type"] == "http.response.body" and self.without_body:
            message = {**message, "body": b""}
        await self.send(message)


async def serve(app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send, cors: Cors | None = None) -> None:
    """Let the app answer; HEAD is answered as GET would be, without the body.

    The caller's X-Request-Id is kept if it is fit for a log, else there is a new one; it is on every answer, and bound
    for the log as `request_id`. What is put into `scope["state"]["headers"]` is on the answer, whatever it will be.
    """
    method = scope["method"]
    # A copy: the server goes on reading its own.
    inner: HTTPScope = {**scope, "headers": _joined(list(scope["headers"]))}
    if method == "HEAD":
        # A stream would be sent to nobody.
        receive = _left
        # Ranges are for GET alone (RFC 9110, 14.2).
        inner["method"], inner["headers"] = "GET", [pair for pair in inner["headers"] if pair[0] != b"range"]
    elif method != "GET":
        receive = BodyTimeout(receive)
    exchange = _Exchange(request_id(scope["headers"]), send, _lines(scope, cors), without_body=method == "HEAD")
    # Litestar's path is without the prefix and the slash at the end.
    state = {"request_id": exchange.request_id, "path": scope["path"], "headers": exchange.headers}
    inner["state"] = {**scope.get("state", {}), **state}
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
        try:
            await ((cors and cors.preflight(scope)) or app)(inner, receive, exchange.answer)
        finally:
            _report(method, inner.get("path_template"), exchange.status, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("job_id", "key_id")


def _joined(lines: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Make one line of the several that a list may come in (RFC 9110, 5.3); Litestar passes on one of them."""
    if sum(name in _LISTS for name, _ in lines) < 2:  # noqa: PLR2004 - so it is with nearly all
        return lines
    lists = ((name, b", ".join(value for each, value in lines if each == name)) for name in _LISTS)
    return [pair for pair in lines if pair[0] not in _LISTS] + [pair for pair in lists if pair[1]]


def request_id(lines: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's own id of a request if it is fit for a log, and the only one; else a new one."""
    given = [value for name, value in lines if name == b"x-request-id"]
    return given[0].decode() if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]) else token_hex(16)


def _lines(scope: HTTPScope, cors: Cors | None) -> RawHeadersList:
    """Return what this answer has beside what all have."""
    return (_TLS_ONLY if scope.get("scheme") == "https" else []) + (cors.lines(scope) if cors else [])


async def _left() -> HTTPDisconnectEvent:
    return {"type": "http.disconnect"}


def _report(method: str, route: str | None, status: int | None, seconds: float) -> None:
    # Probes ask every few seconds; only the answers that are news belong in the log.
    say = log.debug if (route or "").startswith("/health/") and status == HTTPStatus.OK else log.info
    say("request.answered", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1))


async def allow_every_method(message: Message, scope: Scope) -> None:
    """Name all of a path's methods in the answer to OPTIONS; Litestar names only those of one handler."""
    if message["type"] == "http.response.start" and scope.get("method") == "OPTIONS" and "path_template" in scope:
        routes = Litestar.from_scope(scope).routes
        found = (
            route for route in routes if isinstance(route, HTTPRoute) and route.path_format == scope["path_template"]
        )
        methods = {method for route in found for method in route.methods}
        MutableScopeHeaders.from_message(message)["Allow"] = ", ".join(sorted(methods))


def _completed(lines: Iterable[tuple[bytes, bytes]], exchange: _Exchange) -> RawHeadersList:
    own = [(name.lower().encode(), value.encode()) for name, value in exchange.headers.items()]
    complete = [*lines, (b"x-request-id", exchange.request_id.encode()), *own, *exchange.lines]
    present = {name for name, _ in complete}
    complete += [line for line in SAFE_HEADERS if line[0] not in present]
    return [_with_head(line) for line in complete] if b"allow" in present else complete


def _with_head(line: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Allow HEAD wherever GET is."""
    methods = set(line[1].split(b", "))
    return (b"allow", b", ".join(sorted(methods | {b"HEAD"}))) if line[0] == b"allow" and b"GET" in methods else line
