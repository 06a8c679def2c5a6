"""Problems: every error as RFC 9457 problem details with a stable type, wire field names and no internals."""

import math
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET
from msgspec.structs import replace

from aether.api.http.accept import NotAcceptableError
from aether.api.http.byte_ranges import UnsatisfiableRangeError
from aether.api.http.problem_details import MEDIA_TYPE, BrokenRule, ProblemDetails
from aether.api.http.public_url import prefix_of
from aether.api.http.request_errors import (
    HeadersTooLargeError,
    MalformedBodyError,
    MalformedRequestError,
    RequestTimeoutError,
    TooManyConnectionsError,
    UnsupportedBodyError,
    UriTooLongError,
)
from aether.api.http.stream_outage import reconnect_response
from aether.api.http.validation_errors import parameter_error
from aether.documents.errors import DocumentTooLargeError, MissingExtraError, MissingFontError, RenderingBusyError
from aether.errors import (
    AetherError,
    FieldError,
    ForbiddenError,
    IdempotencyKeyReusedError,
    IdentityProviderUnavailableError,
    IllegalMoveError,
    InvalidCredentialError,
    NoEndpointError,
    NotDurableError,
    QueueFullError,
    RateLimitedError,
    ReadOnlyTemplateError,
    StoreUnavailableError,
    TemplateLimitError,
    TooManyJobsError,
    TransientError,
    UnknownDeliveryError,
    UnknownJobError,
    UnknownTemplateError,
)

_NAMESPACE = "urn:aether:problem:"
_CHALLENGE = 'Bearer realm="aether"'  # RFC 6750, 3

AnyRequest: TypeAlias = Request[Any, Any, Any]  # Any: the user, the credentials and the state are not used

log = structlog.get_logger()


class NotReadyError(TransientError):
    """The service cannot process jobs now."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"No job can be done now: {missing}.", retry_after=5.0)


class ProblemType(msgspec.Struct, frozen=True):
    """A type of problem: the last word of its `type`, the HTTP status and the title.

    `detail` is for errors of other libraries; Aether's own errors contain the detail as their message.
    """

    word: str
    status: HTTPStatus
    title: str
    detail: str | None = None


PROBLEMS: dict[type[Exception], ProblemType] = {
    MalformedBodyError: ProblemType("malformed-body", HTTPStatus.BAD_REQUEST, "Malformed body"),
    ValidationException: ProblemType(
        "malformed-body", HTTPStatus.BAD_REQUEST, "Malformed body", "The body must be a JSON object; there is none."
    ),
    HTTPException: ProblemType("bad-request", HTTPStatus.BAD_REQUEST, "Bad request"),
    MalformedRequestError: ProblemType("malformed-request", HTTPStatus.BAD_REQUEST, "Malformed request"),
    InvalidCredentialError: ProblemType("unauthenticated", HTTPStatus.UNAUTHORIZED, "No valid credentials"),
    ForbiddenError: ProblemType("forbidden", HTTPStatus.FORBIDDEN, "Not allowed"),
    NotFoundException: ProblemType(
        "not-found", HTTPStatus.NOT_FOUND, "Nothing here", "Nothing is served at this path."
    ),
    UnknownJobError: ProblemType("unknown-job", HTTPStatus.NOT_FOUND, "Unknown job"),
    UnknownDeliveryError: ProblemType("unknown-delivery", HTTPStatus.NOT_FOUND, "Unknown delivery"),
    UnknownTemplateError: ProblemType("unknown-template", HTTPStatus.NOT_FOUND, "Unknown template"),
    NoEndpointError: ProblemType("no-endpoint", HTTPStatus.NOT_FOUND, "No endpoint"),
    MethodNotAllowedException: ProblemType(
        "method-not-allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "Method not allowed",
        "Only the methods in the Allow header are.",
    ),
    DocumentTooLargeError: ProblemType(
        "document-too-large", HTTPStatus.UNPROCESSABLE_ENTITY, "The document is too large"
    ),
    MissingFontError: ProblemType("missing-font", HTTPStatus.UNPROCESSABLE_ENTITY, "No font for a script"),
    MissingExtraError: ProblemType("missing-extra", HTTPStatus.NOT_IMPLEMENTED, "A format is not installed"),
    RenderingBusyError: ProblemType("rendering-busy", HTTPStatus.SERVICE_UNAVAILABLE, "Too many exports"),
    NotAcceptableError: ProblemType("not-acceptable", HTTPStatus.NOT_ACCEPTABLE, "Not acceptable"),
    RequestTimeoutError: ProblemType("request-timeout", HTTPStatus.REQUEST_TIMEOUT, "Request too slow"),
    IllegalMoveError: ProblemType("illegal-move", HTTPStatus.CONFLICT, "The job's status does not allow it"),
    ReadOnlyTemplateError: ProblemType("read-only-template", HTTPStatus.CONFLICT, "The template cannot be deleted"),
    TemplateLimitError: ProblemType("template-limit", HTTPStatus.CONFLICT, "Too many templates or versions"),
    RequestEntityTooLarge: ProblemType(
        "body-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Body too large",
        "The body is larger than {limit} bytes.",
    ),
    UriTooLongError: ProblemType("uri-too-long", HTTPStatus.REQUEST_URI_TOO_LONG, "Target too long"),
    UnsupportedBodyError: ProblemType("unsupported-body", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported body"),
    UnsatisfiableRangeError: ProblemType(
        "unsatisfiable-range", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "No such bytes"
    ),
    FieldError: ProblemType("invalid-field", HTTPStatus.UNPROCESSABLE_ENTITY, "A field breaks a rule"),
    IdempotencyKeyReusedError: ProblemType(
        "idempotency-key-reused", HTTPStatus.UNPROCESSABLE_ENTITY, "The Idempotency-Key stands for another request"
    ),
    TooManyJobsError: ProblemType("too-many-jobs", HTTPStatus.TOO_MANY_REQUESTS, "Too many jobs"),
    RateLimitedError: ProblemType("rate-limited", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    HeadersTooLargeError: ProblemType(
        "headers-too-large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Header too large"
    ),
    QueueFullError: ProblemType("queue-full", HTTPStatus.SERVICE_UNAVAILABLE, "The queue is full"),
    NotDurableError: ProblemType("not-durable", HTTPStatus.SERVICE_UNAVAILABLE, "The job is not durable"),
    StoreUnavailableError: ProblemType("store-unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "Store unavailable"),
    IdentityProviderUnavailableError: ProblemType(
        "identity-provider-unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "Identity provider unavailable"
    ),
    TooManyConnectionsError: ProblemType(
        "too-many-connections", HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections"
    ),
    NotReadyError: ProblemType("not-ready", HTTPStatus.SERVICE_UNAVAILABLE, "Not ready"),
    Exception: ProblemType(
        "internal-error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Aether failed",
        "The log says why, under this request's id.",
    ),
}
"""The problem type of each error; an error without a row has the type of its nearest base that has one.

Errors that only one resource raises declare their type as a class attribute instead, `problem_type`.
"""


def problem_type_of(error: type[Exception]) -> ProblemType:
    """Return the problem type of an error class."""
    declared: ProblemType | None = getattr(error, "problem_type", None)
    return declared or next(PROBLEMS[base] for base in error.__mro__ if base in PROBLEMS)


def type_uri(word: str) -> str:
    """Return the `type` of a problem, whose last word is this one."""
    return _NAMESPACE + word


def problem_response(request: AnyRequest, error: Exception) -> Response[Any]:  # Any: a problem, or a stream
    """Return the response for an error; an unexpected one is logged, and its message is not shown."""
    problem_type = _type_of(error)
    is_expected = problem_type is not PROBLEMS[Exception]
    if not is_expected:
        log.error("request.failed", exc_info=error)
    elif isinstance(error, StoreUnavailableError):
        log.warning("store.unavailable", reason=error.what)
    if stream := reconnect_response(request, error, problem_type.status):
        return stream
    details = ProblemDetails(
        type=type_uri(problem_type.word),
        title=problem_type.title,
        status=problem_type.status.value,
        detail=_detail(problem_type, request, error),
        instance=prefix_of(request) + quote(request.scope["state"]["path"]),
        errors=_broken_rules(error) if isinstance(error, FieldError) else UNSET,
        request_id=UNSET if is_expected else request.scope["state"].get("request_id", UNSET),
    )
    return Response(details, status_code=problem_type.status.value, media_type=MEDIA_TYPE, headers=_headers(error))


def _broken_rules(error: FieldError) -> tuple[BrokenRule, ...]:
    return tuple(BrokenRule(each.field, each.rule) for each in error.errors)


def problem_of(error: AetherError, path: str) -> tuple[ProblemDetails, dict[str, str]]:
    """Return the problem and the headers for a request that does not reach the app."""
    found = _type_of(error)
    details = ProblemDetails(type_uri(found.word), found.title, found.status.value, str(error), quote(path, safe="/%:"))
    return details, _headers(error)


def _type_of(error: Exception) -> ProblemType:
    problem_type = problem_type_of(type(error))
    if problem_type is not PROBLEMS[HTTPException] or not isinstance(error, HTTPException):
        return problem_type
    # An error of Litestar's that has no row of its own keeps its status.
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return PROBLEMS[Exception]
    return replace(problem_type, status=HTTPStatus(error.status_code))


def _detail(problem_type: ProblemType, request: AnyRequest, error: Exception) -> str:
    if problem_type.detail is None:
        return error.detail if isinstance(error, HTTPException) else str(error)
    if isinstance(error, RequestEntityTooLarge):
        return problem_type.detail.format(limit=request.route_handler.resolve_request_max_body_size())
    return problem_type.detail


def parameter_problem(request: AnyRequest, error: ValidationException) -> Response[Any]:  # Any: as above
    """Return the response for arguments that Litestar rejected."""
    return problem_response(request, parameter_error(request, error) or error)


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, UnsatisfiableRangeError):
        return {"Content-Range": f"bytes */{error.size}"}
    if isinstance(error, TransientError) and error.retry_after is not None:
        return {"Retry-After": str(math.ceil(error.retry_after))}
    if isinstance(error, InvalidCredentialError):
        return {"WWW-Authenticate": _CHALLENGE + (', error="invalid_token"' if error.sent else "")}
    if isinstance(error, ForbiddenError):
        scope = f', scope="{error.scope}"' if error.scope else ""
        return {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope"{scope}'}
    if isinstance(error, RequestTimeoutError):
        # The rest of the body may still arrive.
        return {"Connection": "close"}
    return dict(error.headers or {}) if isinstance(error, HTTPException) else {}


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    ValidationException: parameter_problem,
    HTTPException: problem_response,
    Exception: problem_response,
}
