"""Operation declarations: what handlers say about themselves for the OpenAPI document."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import SecurityRequirement
from litestar.params import PathParameter
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from aether.api.http.problem_details import MEDIA_TYPE, ProblemDetails
from aether.api.http.problems import ProblemType, problem_type_of
from aether.api.http.request import MalformedBodyError, UnsupportedBodyError
from aether.api.middleware.body_timeout import HeadersTooLargeError, UriTooLongError
from aether.errors import (
    FieldError,
    ForbiddenError,
    IdempotencyKeyReusedError,
    IdentityProviderUnavailableError,
    InvalidCredentialError,
    QueueFullError,
    RateLimitedError,
    StoreUnavailableError,
    TooManyJobsError,
)

EXAMPLE_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11"
"""The id of jobs in examples."""
BINARY = "application/octet-stream"
"""The media type of an image; generated clients know it for bytes."""
BEARER, READ_TOKEN = "bearerAuth", "readToken"
"""The names of the security schemes."""
READABLE: tuple[SecurityRequirement, ...] = ({BEARER: []}, {READ_TOKEN: []})
"""What the calls take that read one job: either of them."""


def described(status: int, description: str) -> dict[int, ResponseSpec]:
    """Declare an answer without a body."""
    return {status: ResponseSpec(None, description=description)}


Errors: TypeAlias = tuple[type[Exception], ...]

BODY_ERRORS: Errors = (
    *(MalformedBodyError, ValidationException),
    *(RequestEntityTooLarge, UnsupportedBodyError, FieldError),
)
"""The errors of every handler that takes a body."""
CREATE_ERRORS: Errors = (*BODY_ERRORS, IdempotencyKeyReusedError, TooManyJobsError, QueueFullError)
"""The errors of every handler that creates a job."""
# Any request may be malformed or too large, and any server may fail.
_ALWAYS: Errors = (HTTPException, UriTooLongError, HeadersTooLargeError, Exception)
# The guards raise these before a handler runs.
_GUARDED: Errors = (
    *(InvalidCredentialError, ForbiddenError, RateLimitedError),
    *(StoreUnavailableError, IdentityProviderUnavailableError),
)


@dataclass
class ProblemSpec(ResponseSpec):
    """The declaration of a response that is one of several problems of the same status."""

    problem_types: tuple[ProblemType, ...] = ()


def problems(*errors: type[Exception], public: bool = False) -> dict[int, ResponseSpec]:
    """Declare the errors that a handler raises, beside those of every handler, or of every one that is not public."""
    raised = (*errors, *(() if public else _GUARDED), *_ALWAYS)
    types = {each.word: each for each in map(problem_type_of, raised)}.values()
    return {status: _problem_spec(status, types) for status in sorted({each.status.value for each in types})}


def _problem_spec(status: int, types: Iterable[ProblemType]) -> ResponseSpec:
    return ProblemSpec(
        ProblemDetails,
        generate_examples=False,
        description=HTTPStatus(status).phrase,
        media_type=MEDIA_TYPE,
        problem_types=tuple(each for each in types if each.status == status),
    )


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
    return PathParameter(
        name=name, description="The job's id.", schema_extra={"format": "uuid", "examples": [EXAMPLE_ID]}
    )
