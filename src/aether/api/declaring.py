"""What handlers declare of themselves for the OpenAPI document."""

import re
from http import HTTPStatus

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from aether.api.problems import MEDIA_TYPE, ProblemDetails, ProblemType, kinds_of

BINARY = "application/octet-stream"
"""The media type of an image; generated clients know it for bytes."""


def described(status: int, description: str) -> dict[int, ResponseSpec]:
    """Declare an answer without a body."""
    return {status: ResponseSpec(None, description=description)}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Declare the errors of a handler; 400 and 500 are always among them: any request may be broken, and any server."""
    always = HTTPStatus.BAD_REQUEST.value, HTTPStatus.INTERNAL_SERVER_ERROR.value
    return {status: _problem_spec(status) for status in sorted({*statuses, *always})}


def _problem_spec(status: int) -> ResponseSpec:
    phrase = HTTPStatus(status).phrase
    return ResponseSpec(ProblemDetails, generate_examples=False, description=phrase, media_type=MEDIA_TYPE)


# Regular expressions over the ids of the operations that have a problem which not all of its status have.
_ONLY = {
    "not-found": "^$",  # whatever is no operation
    "malformed-body": "^(create|retry|acknowledge|set)",
    "unknown-job": "(Report|Checklist|Generation|Image)$",
    "unknown-delivery": "Delivery$",
    "no-endpoint": "Endpoint$",
    "unknown-image": "Image$",
    "queue-full": "^(create|retry)",
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
