"""CORS: the origins whose pages may call the API from a browser, and the headers they may send and read.

The Fetch Standard, 3.2, defines it. `Access-Control-Allow-Credentials` is never sent, so browsers send no cookies;
callers authenticate with `Authorization`.
"""

from collections.abc import Iterable
from http import HTTPStatus

from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, HTTPScope, Receive, Scope, Send
from litestar.types.asgi_types import RawHeadersList

_RESPONSE_HEADERS = (
    "Location, ETag, Retry-After, RateLimit, RateLimit-Policy, Preference-Applied, X-Request-Id, WWW-Authenticate, "
    "Accept-Ranges, Content-Range, Content-Disposition, Allow"
)
_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id"
)
_PREFLIGHT_HEADERS: RawHeadersList = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE"),
    (b"access-control-allow-headers", _REQUEST_HEADERS.encode()),
    (b"access-control-max-age", b"600"),
]
# With `Vary`, a cache never sends the response for one origin to another.
_COMMON_HEADERS: RawHeadersList = [(b"vary", b"Origin"), (b"cross-origin-resource-policy", b"cross-origin")]


class Cors:
    """The allowed origins, each as a browser sends it: `https://app.example.com`."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, scope: HTTPScope) -> RawHeadersList:
        """Return the headers that every response to this request has."""
        origin = _first(scope, b"origin")
        if origin not in self._origins:
            return _COMMON_HEADERS
        return [
            *_COMMON_HEADERS,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _RESPONSE_HEADERS.encode()),
        ]

    def preflight(self, scope: HTTPScope) -> ASGIApp | None:
        """Return the app that answers a preflight request of an allowed origin; None for any other request.

        Preflight requests carry no key, so they must not reach the guards.
        """
        is_preflight = scope["method"] == "OPTIONS" and _first(scope, b"access-control-request-method")
        return _answer_preflight if is_preflight and _first(scope, b"origin") in self._origins else None


async def _answer_preflight(_: Scope, __: Receive, send: Send) -> None:
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": HTTPStatus.NO_CONTENT,
        "headers": _PREFLIGHT_HEADERS,
    }
    end: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}
    await send(start)
    await send(end)


def _first(scope: HTTPScope, name: bytes) -> bytes:
    return next((value for each, value in scope["headers"] if each == name), b"")
