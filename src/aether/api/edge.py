"""What happens to every request, whatever it asks for: an id, one line in the log, headers that browsers heed."""

import re
import time
from http import HTTPStatus
from uuid import uuid4

import msgspec
import structlog
from litestar import Litestar
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPDisconnectEvent, HTTPScope, Message, Receive, Scope, Send

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LISTS = (b"if-none-match", b"prefer")
_DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class _Exchange(msgspec.Struct):
    """One request and how it was answered so far."""

    request_id: str
    send: Send
    without_body: bool
    status: int | None = None

    async def answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            _complete(MutableScopeHeaders.from_message(message), self.request_id)
        elif message["type"] == "http.response.body" and self.without_body:
            message = {**message, "body": b""}
        await self.send(message)


async def serve(app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Let the app answer; HEAD is answered as GET would be, without the body.

    The caller's X-Request-Id is kept if it is fit for a log, else there is a new one; it is on every answer, and bound
    for the log as `request_id`.
    """
    method = scope["method"]
    # A copy: the server goes on reading its own.
    inner: HTTPScope = {**scope, "headers": _joined(list(scope["headers"]))}
    if method == "HEAD":
        # A stream would be sent to nobody.
        receive = _left
        # Ranges are for GET alone (RFC 9110, 14.2).
        inner["method"], inner["headers"] = "GET", [pair for pair in inner["headers"] if pair[0] != b"range"]
    given = Headers.from_scope(inner).get("X-Request-Id", "")
    exchange = _Exchange(given if _REQUEST_ID.fullmatch(given) else uuid4().hex, send, without_body=method == "HEAD")
    # Litestar's path is without the prefix and the slash at the end.
    inner["state"] = {**scope.get("state", {}), "request_id": exchange.request_id, "path": scope["path"]}
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
        try:
            await app(inner, receive, exchange.answer)
        finally:
            _report(method, inner.get("path_template"), exchange.status, time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("job_id")


def _joined(lines: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Make one line of the several that a list may come in (RFC 9110, 5.3); Litestar passes on one of them."""
    lists = ((name, b", ".join(value for each, value in lines if each == name)) for name in _LISTS)
    return [pair for pair in lines if pair[0] not in _LISTS] + [pair for pair in lists if pair[1]]


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


def _complete(headers: MutableScopeHeaders, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    for name, value in _DEFAULT_HEADERS.items():
        headers.setdefault(name, value)
    if allowed := headers.get("Allow"):
        methods = set(allowed.split(", "))
        headers["Allow"] = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
