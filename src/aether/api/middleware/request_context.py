"""Request context: the id of each request, in the log and in the response, and the state that handlers read."""

import re
import time
from collections.abc import Iterable
from random import getrandbits

import msgspec
import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Send
from litestar.types.asgi_types import RawHeadersList

from aether.api.http.public_url import UNKNOWN_URL, PublicUrl
from aether.api.middleware.access_log import log_response
from aether.api.middleware.body_timeout import BodyTimeout
from aether.api.middleware.charset import with_charset
from aether.api.middleware.cors import Cors
from aether.api.middleware.head_method import allow_head, as_get, receive_disconnect
from aether.api.middleware.security_headers import HSTS, missing_security_headers

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_LIST_HEADERS = (b"accept", b"if-none-match", b"prefer")


class _Exchange(msgspec.Struct):
    """A request and its response so far."""

    request_id: str
    send: Send
    browser_headers: RawHeadersList
    is_head: bool
    status: int | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    async def send_message(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._complete(message["headers"])
        elif message["type"] == "http.response.body" and self.is_head:
            message = {**message, "body": b""}
        await self.send(message)

    def _complete(self, headers: Iterable[tuple[bytes, bytes]]) -> RawHeadersList:
        state_headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        complete = [
            *((name, with_charset(value)) if name == b"content-type" else (name, value) for name, value in headers),
            (b"x-request-id", self.request_id.encode()),
            *state_headers,
            *self.browser_headers,
        ]
        names = {name for name, _ in complete}
        complete += missing_security_headers(names)
        return allow_head(complete) if b"allow" in names else complete


async def handle_request(  # noqa: PLR0913 - the request, and what the app knows of its place
    app: ASGIApp,
    scope: HTTPScope,
    receive: Receive,
    send: Send,
    *,
    cors: Cors | None = None,
    public_url: PublicUrl = UNKNOWN_URL,
) -> None:
    """Call the app for a request, with the path as the app knows it.

    The prefix that a proxy has stripped is in the state, since Litestar would also remove it from within a path.

    A valid `X-Request-Id` of the caller is kept, otherwise there is a new one. It is in the response and bound to the
    log as `request_id`. Headers in `scope["state"]["headers"]` are added to the response, even if it is an error.
    """
    method = scope["method"]
    # A copy, because the server goes on reading its own.
    inner: HTTPScope = {**scope, "headers": _combine_list_headers(list(scope["headers"]))}
    if method == "HEAD":
        inner, receive = as_get(inner), receive_disconnect
    elif method != "GET":
        receive = BodyTimeout(receive)
    exchange = _Exchange(request_id(scope["headers"]), send, _browser_headers(scope, cors), is_head=method == "HEAD")
    _set_state(inner, exchange, public_url)
    started = time.perf_counter()
    # Each request has a task, and so a context, of its own.
    structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
    try:
        await ((cors and cors.preflight(scope)) or app)(inner, receive, exchange.send_message)
    finally:
        log_response(method, inner.get("path_template"), exchange.status, time.perf_counter() - started)


def _set_state(scope: HTTPScope, exchange: _Exchange, public_url: PublicUrl) -> None:
    stripped = scope.get("root_path", "")
    prefix = stripped or public_url.prefix
    if prefix:
        scope["root_path"], scope["path"] = "", scope["path"].removeprefix(stripped) or "/"
    scope["state"] = {
        **scope.get("state", {}),
        "request_id": exchange.request_id,
        # Litestar removes the final slash from the path of its scope.
        "path": scope["path"],
        "headers": exchange.headers,
        "prefix": prefix,
        "public_url": public_url,
    }


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's own request id if there is exactly one and it is safe to log; otherwise a new one."""
    values = [value for name, value in headers if name == b"x-request-id"]
    return values[0].decode() if len(values) == 1 and _REQUEST_ID.fullmatch(values[0]) else f"{getrandbits(128):032x}"


def _browser_headers(scope: HTTPScope, cors: Cors | None) -> RawHeadersList:
    return (HSTS if scope.get("scheme") == "https" else []) + (cors.headers(scope) if cors else [])


def _combine_list_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Combine the lines of a list header into one (RFC 9110, 5.3); Litestar passes on only one of several."""
    names = [name for name, _ in headers if name in _LIST_HEADERS]
    if len(names) <= 1 or len(names) == len(set(names)):
        return headers
    combined = ((name, b", ".join(value for each, value in headers if each == name)) for name in _LIST_HEADERS)
    return [header for header in headers if header[0] not in _LIST_HEADERS] + [
        header for header in combined if header[1]
    ]
