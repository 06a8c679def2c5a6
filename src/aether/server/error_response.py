"""Error response: a problem, as the bytes of a whole response, for a request that does not reach the app."""

from http import HTTPStatus

import msgspec
import structlog
from litestar.types.asgi_types import RawHeadersList
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from aether.api.http import sse
from aether.api.http.problem_details import MEDIA_TYPE
from aether.api.http.problems import problem_of
from aether.api.http.stream_outage import empty_stream
from aether.api.middleware.charset import with_charset
from aether.api.middleware.request_context import request_id
from aether.api.middleware.security_headers import SECURITY_HEADERS
from aether.errors import AetherError

log = structlog.get_logger()


def error_response(
    error: AetherError, path: bytes, request_headers: RawHeadersList, server_headers: RawHeadersList, *, with_body: bool
) -> bytes:
    """Return the response; `server_headers` are those that the server adds to every response."""
    problem, problem_headers = problem_of(error, path.decode("ascii", "replace"))
    own_id = request_id(request_headers)
    log.info("request.refused", status=problem.status, reason=type(error).__name__, request_id=own_id)
    status, body = problem.status, msgspec.json.encode(problem)
    own_headers = {"Content-Type": MEDIA_TYPE, **problem_headers}
    if path.rstrip(b"/").endswith(b"/events") and (stream := empty_stream(error, status, request_headers)):
        status, body, own_headers = HTTPStatus.OK.value, stream, sse.HEADERS
    headers = [
        *server_headers,
        *SECURITY_HEADERS,
        *((name.lower().encode(), with_charset(value.encode())) for name, value in own_headers.items()),
        (b"x-request-id", own_id.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    head = STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in dict(headers).items())
    return head + b"\r\n" + (body if with_body else b"")
