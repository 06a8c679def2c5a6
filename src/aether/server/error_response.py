"""A problem as it goes over the wire where no app answers."""

import msgspec
import structlog
from litestar.types.asgi_types import RawHeadersList
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from aether.api.http.problem_details import MEDIA_TYPE
from aether.api.http.problems import problem_of
from aether.api.middleware.request_context import SAFE_HEADERS, request_id
from aether.errors import AetherError

log = structlog.get_logger()


def error_response(
    error: AetherError, path: bytes, asked: RawHeadersList, usual: RawHeadersList, *, without_body: bool
) -> bytes:
    """Return the whole answer; `asked` are the request's header lines, `usual` those of every answer of the server."""
    problem, own = problem_of(error, path.decode("ascii", "replace"))
    name = request_id(asked)
    log.info("request.refused", status=problem.status, reason=type(error).__name__, request_id=name)
    body = msgspec.json.encode(problem)
    lines = [
        *usual,
        *SAFE_HEADERS,
        *((name.lower().encode(), value.encode()) for name, value in own.items()),
        (b"x-request-id", name.encode()),
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    head = STATUS_LINE[problem.status] + b"".join(b"%b: %b\r\n" % line for line in dict(lines).items())
    return head + b"\r\n" + (b"" if without_body else body)
