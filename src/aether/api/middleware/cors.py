"""Pages of other origins: which may call the API from a browser, and what they may send and see (Fetch Standard, 3.2).

Cookies and their like are never among it: `Access-Control-Allow-Credentials` is not sent, callers name themselves by
`Authorization`.
"""

from collections.abc import Iterable
from http import HTTPStatus

from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, HTTPScope, Receive, Scope, Send
from litestar.types.asgi_types import RawHeadersList

_READABLE = (
    "Location, ETag, Retry-After, RateLimit, RateLimit-Policy, Preference-Applied, X-Request-Id, WWW-Authenticate, "
    "Accept-Ranges, Content-Range, Content-Disposition, Allow"
)
_SENDABLE = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id"
)
_GRANTED: RawHeadersList = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE"),
    (b"access-control-allow-headers", _SENDABLE.encode()),
    (b"access-control-max-age", b"600"),
]
# An answer for one origin must not be shown to another by a cache between them.
_FOR_ALL: RawHeadersList = [(b"vary", b"Origin"), (b"cross-origin-resource-policy", b"cross-origin")]


class Cors:
    """The origins that may, each as a browser sends it: `https://app.example.com`."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def lines(self, scope: HTTPScope) -> RawHeadersList:
        """Return the header lines that every answer to this request has."""
        origin = _first(scope, b"origin")
        if origin not in self._origins:
            return _FOR_ALL
        return [
            *_FOR_ALL,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _READABLE.encode()),
        ]

    def preflight(self, scope: HTTPScope) -> ASGIApp | None:
        """Return what answers if a browser asks whether a page may make a request; it sends no key with that."""
        asks = scope["method"] == "OPTIONS" and _first(scope, b"access-control-request-method")
        return _grant if asks and _first(scope, b"origin") in self._origins else None


async def _grant(_: Scope, __: Receive, send: Send) -> None:
    begin: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": HTTPStatus.NO_CONTENT,
        "headers": _GRANTED,
    }
    end: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}
    await send(begin)
    await send(end)


def _first(scope: HTTPScope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
