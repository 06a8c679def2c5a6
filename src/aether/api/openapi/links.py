"""OpenAPI links: from the response that creates something to the operations on it."""

import re
from collections.abc import Iterator

from aether.api.openapi.schemas import REF, Json


def add_links(paths: Json, schemas: Json) -> None:
    """Add links to every POST, to the operations on what it creates."""
    for path, item in paths.items():
        if "post" in item:
            _add(item["post"], dict(_operations_below(path, paths)), schemas)


def _operations_below(path: str, paths: Json) -> Iterator[tuple[str, str]]:
    """Yield the ids of the operations on one item of this collection, each with its path parameter."""
    item_path = re.compile(re.escape(path) + r"/\{(?P<name>\w+)\}(?:/[a-z]+)?")
    for below, item in paths.items():
        if found := item_path.fullmatch(below):
            for operation in item.values():
                yield operation["operationId"], found["name"]


def _add(operation: Json, operations: dict[str, str], schemas: Json) -> None:
    for response, names in _responses(operation, schemas):
        if operations:
            response["links"] = {
                operation_id: _link(operation_id, parameter, parameter if parameter in names else "id")
                for operation_id, parameter in operations.items()
            }


def _responses(operation: Json, schemas: Json) -> Iterator[tuple[Json, set[str]]]:
    """Yield the JSON responses that are not errors, each with the names of its fields."""
    for response in operation["responses"].values():
        for media_type, content in response.get("content", {}).items():
            if media_type == "application/json":
                yield response, _names(content["schema"], schemas)


def _names(schema: Json, schemas: Json) -> set[str]:
    """Return the names of an object's fields; for a union, those of its first member."""
    if "$ref" in schema:
        return _names(schemas[schema["$ref"].removeprefix(REF)], schemas)
    if "oneOf" in schema:
        return _names(schema["oneOf"][0], schemas)
    return set(schema.get("properties", ()))


def _link(operation_id: str, parameter: str, field: str) -> Json:
    return {"operationId": operation_id, "parameters": {parameter: f"$response.body#/{field}"}}
