"""What handlers declare of themselves for the OpenAPI document."""

from http import HTTPStatus

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from aether.api.problems import MEDIA_TYPE, ProblemDetails, kinds_of

BINARY = "application/octet-stream"
"""The media type of an image; generated clients know it for bytes."""


def described(status: int, description: str) -> dict[int, ResponseSpec]:
    """Declare an answer without a body."""
    return {status: ResponseSpec(None, description=description)}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Declare the errors of a handler; 500 is always among them."""
    return {status: _problem_spec(status) for status in (*statuses, HTTPStatus.INTERNAL_SERVER_ERROR.value)}


def _problem_spec(status: int) -> ResponseSpec:
    titles = "; ".join(kind.title for kind in kinds_of(status).values())
    return ResponseSpec(ProblemDetails, generate_examples=False, description=f"{titles}.", media_type=MEDIA_TYPE)


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
