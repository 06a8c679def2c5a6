"""Handler declarations: what the OpenAPI document has to know of each operation, read from the app's handlers."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from aether.api.http.problems import ProblemType
from aether.api.openapi.operations import ProblemSpec, operation_id
from aether.domain.named_literal import definition_of


class Declaration(NamedTuple):
    """One operation: the Structs of its bodies, its problems by status, and the enumerations of its parameters."""

    structs: tuple[type[msgspec.Struct], ...]
    problems: Mapping[int, tuple[ProblemType, ...]]
    enumerations: Mapping[str, str]


def declarations_of(app: Litestar) -> dict[str, Declaration]:
    """Return the declaration of each operation of the app, by its id."""
    handlers = (handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers)
    return {_name_of(each): _declaration(each) for each in handlers if each.resolve_include_in_schema()}


def _name_of(handler: HTTPRouteHandler) -> str:
    declared = handler.operation_id
    return declared if isinstance(declared, str) else operation_id(handler)


def _declaration(handler: HTTPRouteHandler) -> Declaration:
    signature = handler.parsed_fn_signature
    specs = handler.responses or {}
    bodies = [signature.return_type.annotation, *(each.data_container for each in specs.values())]
    if "data" in signature.parameters:
        bodies.append(signature.parameters["data"].annotation)
    problems = {status: spec.problem_types for status, spec in specs.items() if isinstance(spec, ProblemSpec)}
    return Declaration(tuple(_structs_in(bodies)), problems, dict(_enumerations(handler)))


def _structs_in(annotations: list[Any]) -> Iterator[type[msgspec.Struct]]:  # Any: types of every form
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            yield annotation
        elif get_origin(annotation) is not None:
            yield from _structs_in([*get_args(annotation)])


def _enumerations(handler: HTTPRouteHandler) -> Iterator[tuple[str, str]]:
    for name, parameter in handler.parsed_fn_signature.parameters.items():
        if definition := definition_of(parameter.raw):
            yield name, definition["title"]
