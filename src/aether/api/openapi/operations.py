"""What handlers declare of themselves for the OpenAPI document."""

import re
from http import HTTPStatus

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import SecurityRequirement
from litestar.params import PathParameter
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from aether.api.http.problem_details import MEDIA_TYPE, ProblemDetails
from aether.api.http.problems import ProblemType, kinds_of

BINARY = "application/octet-stream"
"""The media type of an image; generated clients know it for bytes."""
BEARER, READ_TOKEN = "bearerAuth", "readToken"
"""The names of the security schemes."""
READABLE: tuple[SecurityRequirement, ...] = ({BEARER: []}, {READ_TOKEN: []})
"""What the calls take that read one job: either of them."""


def described(status: int, description: str) -> dict[int, ResponseSpec]:
    """Declare an answer without a body."""
    return {status: ResponseSpec(None, description=description)}


# Any request may be broken or too large, and any server broken.
_ALWAYS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
# What the guards answer, before a handler is reached.
_GUARDED = (
    *(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
    *(HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problems(*statuses: int, public: bool = False) -> dict[int, ResponseSpec]:
    """Declare the errors of a handler beside those that every handler has, or every one that is not public."""
    always = {status.value for status in (*_ALWAYS, *(() if public else _GUARDED))}
    return {status: _problem_spec(status) for status in sorted(always.union(statuses))}


def _problem_spec(status: int) -> ResponseSpec:
    phrase = HTTPStatus(status).phrase
    return ResponseSpec(ProblemDetails, generate_examples=False, description=phrase, media_type=MEDIA_TYPE)


# Regular expressions over the ids of the operations that have a problem which not all of its status have.
_ONLY = {
    "not-found": "^$",  # whatever is no operation
    # Refused before it is known what was asked for; the head of the document lists them.
    "malformed-request": "^$",
    "too-many-connections": "^$",
    "malformed-body": "^(create|retry|acknowledge|set)",
    "unknown-job": "(Report|Checklist|Generation|Image|Token)$",
    "unknown-delivery": "Delivery$",
    "no-endpoint": "Endpoint$",
    "unknown-image": "Image$",
    "idempotency-key-reused": "^create(?!.*Token$)",
    "too-many-jobs": "^(create|retry)(?!.*Token$)",
    "queue-full": "^(create|retry)(?!.*Token$)",
    "identity-provider-unavailable": "^(?!get(Liveness|Readiness)$)",
    "not-ready": "Readiness$",
}


def problems_of(status: int, operation_id: str) -> dict[str, ProblemType]:
    """Return the problems with which this operation may answer, of those that have this status, by their words."""
    kinds = kinds_of(status)
    return {word: kind for word, kind in kinds.items() if re.search(_ONLY.get(word, ""), operation_id)}


def operation_id(
    handler: HTTPRouteHandler, _: Method | None = None, __: list[str | PathParameterDefinition] | None = None
) -> str:
    """Name an operation after its handler, in camelCase."""
    first, *rest = handler.handler_name.split("_")
    return first + "".join(map(str.capitalize, rest))


def ended_at_once(view: object) -> dict[int, ResponseSpec]:
    """Declare what POST answers if the caller would wait and the job has ended by then."""
    # Some views are unions, which are no type for the checker.
    spec = ResponseSpec(view, generate_examples=False, description="With `Prefer: wait=N`: the job, which has ended.")  # type: ignore[arg-type]
    return {HTTPStatus.OK.value: spec}


def id_parameter(name: str) -> PathParameter:
    """Describe the job's id in a path, by its name there."""
    return PathParameter(name=name, description="The job's id.", schema_extra={"format": "uuid"})
