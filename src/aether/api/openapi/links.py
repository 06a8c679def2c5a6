"""Which calls go on with what an answer names (OpenAPI's links), found in the document itself."""

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from aether.api.openapi.schemas import REF

Json: TypeAlias = dict[str, Any]  # Any: JSON


def add_links(paths: Json, schemas: Json) -> None:
    """Lead from what was accepted to every call about it."""
    for path, item in paths.items():
        if "post" in item:
            _link(item["post"], dict(_calls_below(path, paths)), schemas)


def _calls_below(path: str, paths: Json) -> Iterator[tuple[str, str]]:
    """Name the operations about one thing of this collection, each with the parameter that says which."""
    about_one = re.compile(re.escape(path) + r"/\{(?P<name>\w+)\}(?:/[a-z]+)?")
    for below, item in paths.items():
        if found := about_one.fullmatch(below):
            for operation in item.values():
                yield operation["operationId"], found["name"]


def _link(operation: Json, calls: dict[str, str], schemas: Json) -> None:
    for answer, names in _answers(operation, schemas):
        if calls:
            answer["links"] = {
                call: _to(call, parameter, parameter if parameter in names else "id")
                for call, parameter in calls.items()
            }


def _answers(operation: Json, schemas: Json) -> Iterator[tuple[Json, set[str]]]:
    """Walk through the answers that are JSON but no errors, each with the names of its members."""
    for answer in operation["responses"].values():
        for media_type, content in answer.get("content", {}).items():
            if media_type == "application/json":
                yield answer, _names(content["schema"], schemas)


def _names(schema: Json, schemas: Json) -> set[str]:
    """Name the members of an object; of several kinds of it, those of the first."""
    if "$ref" in schema:
        return _names(schemas[schema["$ref"].removeprefix(REF)], schemas)
    if "oneOf" in schema:
        return _names(schema["oneOf"][0], schemas)
    return set(schema.get("properties", ()))


def _to(operation_id: str, parameter: str, member: str) -> Json:
    return {"operationId": operation_id, "parameters": {parameter: f"$response.body#/{member}"}}
