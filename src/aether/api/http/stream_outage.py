"""Stream outage: what a client that reconnects to an event stream gets instead of a 503.

Any status but 200 ends a browser's `EventSource` for good (WHATWG HTML, 9.2.2). An empty stream makes it reconnect.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from litestar import Request, Response

from aether.api.http import sse
from aether.errors import TransientError

LAST_EVENT_ID = b"last-event-id"


def reconnect_response(request: Request[Any, Any, Any], error: Exception, status: int) -> Response[bytes] | None:
    """Return the response to a request for an event stream that failed; None if it is another or stays as it is."""
    if getattr(request.scope.get("route_handler"), "media_type", None) != sse.MEDIA_TYPE:
        return None
    stream = empty_stream(error, status, request.scope["headers"])
    return None if stream is None else Response(stream, headers=sse.HEADERS)


def empty_stream(error: Exception, status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return a stream that only says when to reconnect; None if the client does not reconnect, or the error stays.

    `headers` are those of the request, which must be one for an event stream.
    """
    if status != HTTPStatus.SERVICE_UNAVAILABLE or not any(name == LAST_EVENT_ID and value for name, value in headers):
        return None
    return sse.opening((isinstance(error, TransientError) and error.retry_after) or 0)
