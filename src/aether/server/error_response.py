"""Error response: a problem, as the bytes of a whole response, for a request that does not reach the app."""

import msgspec
import structlog
from litestar.types.asgi_types import RawHeadersList
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from aether.api.http.problem_details import MEDIA_TYPE
from aether.api.http.problems import problem_of
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
    body = msgspec.json.encode(problem)
    headers = [
        *server_headers,
        *SECURITY_HEADERS,
        *((name.lower().encode(), value.encode()) for name, value in problem_headers.items()),
        (b"x-request-id", own_id.encode()),
        (b"content-type", with_charset(MEDIA_TYPE.encode())),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    head = STATUS_LINE[problem.status] + b"".join(b"%b: %b\r\n" % header for header in dict(headers).items())
    return head + b"\r\n" + (body if with_body else b"")
