"""OpenAPI declarations: what the handlers of the app declare for the document."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from aether.api.http.accept import MEDIA_TYPES
from aether.api.http.file_response import FILE_MEDIA_TYPES
from aether.api.http.problems import ProblemType
from aether.api.openapi.operations import ProblemSpec, operation_id
from aether.domain.named_literal import definition_of


class Declaration(NamedTuple):
    """The Structs in the bodies of an operation, its problems by status, its enumerations, the types of its file."""

    structs: tuple[type[msgspec.Struct], ...]
    problems: Mapping[int, tuple[ProblemType, ...]]
    enumerations: Mapping[str, str]
    media_types: tuple[str, ...]


def declarations_of(app: Litestar) -> dict[str, Declaration]:
    """Return the declarations of the app's operations, by their ids."""
    handlers = (handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers)
    return {_operation_id(each): _declaration(each) for each in handlers if each.resolve_include_in_schema()}


def _operation_id(handler: HTTPRouteHandler) -> str:
    own_id = handler.operation_id
    return own_id if isinstance(own_id, str) else operation_id(handler)


def _declaration(handler: HTTPRouteHandler) -> Declaration:
    signature = handler.parsed_fn_signature
    specs = handler.responses or {}
    bodies = [signature.return_type.annotation, *(each.data_container for each in specs.values())]
    if "data" in signature.parameters:
        bodies.append(signature.parameters["data"].annotation)
    problems = {status: spec.problem_types for status, spec in specs.items() if isinstance(spec, ProblemSpec)}
    media_types = tuple(handler.opt.get(MEDIA_TYPES, FILE_MEDIA_TYPES))
    return Declaration(tuple(_structs_in(bodies)), problems, dict(_enumerations(handler)), media_types)


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
