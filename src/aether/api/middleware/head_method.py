"""HEAD method: the response to GET without its body."""

from litestar.types import HTTPDisconnectEvent, HTTPScope
from litestar.types.asgi_types import RawHeadersList


def as_get(scope: HTTPScope) -> HTTPScope:
    """Return the scope of the GET request that a HEAD request stands for."""
    # A range is defined for GET only (RFC 9110, 14.2).
    headers = [header for header in scope["headers"] if header[0] != b"range"]
    return {**scope, "method": "GET", "headers": headers}


async def receive_disconnect() -> HTTPDisconnectEvent:
    """Report that the client is gone, so that a stream ends at once: nobody would read it."""
    return {"type": "http.disconnect"}


def allow_head(headers: RawHeadersList) -> RawHeadersList:
    """Add HEAD to an `Allow` header that contains GET."""
    return [_with_head(header) if header[0] == b"allow" else header for header in headers]


def _with_head(allow: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    methods = set(allow[1].split(b", "))
    return (allow[0], b", ".join(sorted(methods | {b"HEAD"}))) if b"GET" in methods else allow
