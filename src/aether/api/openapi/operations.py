"""Operations: what handlers declare for the OpenAPI document."""

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

from aether.api.http.accept import NotAcceptableError
from aether.api.http.problem_details import MEDIA_TYPE, ProblemDetails
from aether.api.http.problems import ProblemType, problem_type_of
from aether.api.http.request_errors import (
    HeadersTooLargeError,
    MalformedBodyError,
    UnsupportedBodyError,
    UriTooLongError,
)
from aether.errors import (
    FieldError,
    ForbiddenError,
    IdempotencyKeyReusedError,
    IdentityProviderUnavailableError,
    InvalidCredentialError,
    NotDurableError,
    QueueFullError,
    RateLimitedError,
    StoreUnavailableError,
    TooManyJobsError,
)

EXAMPLE_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11"
"""The id of jobs in examples."""
BEARER, READ_TOKEN = "bearerAuth", "readToken"
"""The names of the security schemes."""
CALLABLE: tuple[SecurityRequirement, ...] = ({}, {BEARER: []})
"""For operations that need a credential if the server needs one: `{}` lets clients call without."""
READABLE: tuple[SecurityRequirement, ...] = (*CALLABLE, {READ_TOKEN: []})
"""For operations that read one job: either scheme."""


Errors: TypeAlias = tuple[type[Exception], ...]

BODY_ERRORS: Errors = (
    *(MalformedBodyError, ValidationException),
    *(RequestEntityTooLarge, UnsupportedBodyError, FieldError),
)
"""The errors of every handler that takes a body."""
CREATE_ERRORS: Errors = (*BODY_ERRORS, IdempotencyKeyReusedError, TooManyJobsError, QueueFullError, NotDurableError)
"""The errors of every handler that creates a job."""
# Any request may be malformed or too large, and any server may fail.
_ALWAYS: Errors = (HTTPException, UriTooLongError, HeadersTooLargeError, Exception)
# The guards raise these before a handler runs.
_GUARDED: Errors = (
    *(InvalidCredentialError, ForbiddenError, RateLimitedError, FieldError),
    *(StoreUnavailableError, IdentityProviderUnavailableError),
)


@dataclass
class ProblemSpec(ResponseSpec):
    """Declares a response that is one of several problems with the same status."""

    problem_types: tuple[ProblemType, ...] = ()


def problems(*errors: type[Exception], public: bool = False, has_body: bool = True) -> dict[int, ResponseSpec]:
    """Declare the errors that a handler raises; those of every handler, or of every guarded one, are added."""
    acceptable = () if public or not has_body else (NotAcceptableError,)
    raised = (*errors, *(() if public else _GUARDED), *acceptable, *_ALWAYS)
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
    """Return the id of an operation: the name of its handler in camelCase."""
    first, *rest = handler.handler_name.split("_")
    return first + "".join(map(str.capitalize, rest))


def ended_job(job_type: object) -> dict[int, ResponseSpec]:
    """Declare the response of a POST that waited for the end of its job."""
    spec = ResponseSpec(
        job_type,  # type: ignore[arg-type]  # it may be a union, which is not a type for the checker
        generate_examples=False,
        description="The job, if it ended during `Prefer: wait=N`.",
    )
    return {HTTPStatus.OK.value: spec}


def id_parameter(name: str) -> PathParameter:
    """Declare the job's id as a path parameter of this name."""
    return PathParameter(
        name=name, description="The job's id.", schema_extra={"format": "uuid", "examples": [EXAMPLE_ID]}
    )


def format_parameter(noun: str) -> PathParameter:
    """Declare the format of a document as a path parameter."""
    return PathParameter(name="format", description=f"The format of the {noun}.", schema_extra={"examples": ["pdf"]})
