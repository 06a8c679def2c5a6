"""The schemas of the OpenAPI document: what msgspec says of the Structs, with names for unions and enumerations."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any, TypeAlias, get_args

import msgspec

from aether.api.kinds.checklist.schemas import ChecklistStatus
from aether.api.kinds.image.schemas import GenerationStatus
from aether.api.kinds.report.schemas import ReportStatus
from aether.api.webhooks.schemas import DeliveryWord
from aether.domain.job import Kind, StepStatus
from aether.domain.report import Length
from aether.domain.webhook import Ending

Json: TypeAlias = dict[str, Any]  # Any: JSON
Structs: TypeAlias = Sequence[type[msgspec.Struct]]

REF = "#/components/schemas/"

# In their own order, which msgspec does not keep.
_ENUMERATIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "ReportStatus": ("Where a report stands.", get_args(ReportStatus)),
    "ChecklistStatus": ("Where a checklist stands.", get_args(ChecklistStatus)),
    "GenerationStatus": ("Where a generation stands.", get_args(GenerationStatus)),
    "DeliveryStatus": ("Where a delivery stands; `dead` is given up until it is replayed.", get_args(DeliveryWord)),
    "Ending": ("How a job has ended, whatever its kind calls it.", get_args(Ending)),
    "Kind": ("What a job makes.", tuple(Kind)),
    "Length": ("How much to write for each section.", tuple(Length)),
    "StepStatus": ("Where a step stands.", tuple(StepStatus)),
}
_NAMES = {frozenset(words): name for name, (_, words) in _ENUMERATIONS.items()}

# For `re`, "$" alone lets a line break pass behind it; for JSON Schema it does not, and not all dialects look ahead.
_END = r"$(?!\n)"


def reference(name: str) -> Json:
    """Refer to a schema by its name."""
    return {"$ref": REF + name}


def one_of(names: Sequence[str], told_apart_by: str, mapping: Mapping[str, str]) -> Json:
    """Return a schema of several, and which of them each value of that field stands for."""
    told = {value: REF + name for value, name in mapping.items()}
    refs = [reference(name) for name in names]
    return {"oneOf": refs, "discriminator": {"propertyName": told_apart_by, "mapping": told}}


def schemas_of(structs: Structs, unions: Mapping[str, Structs]) -> Json:
    """Return the schemas of these Structs and all that they hold, and of unions of them, told apart by `status`."""
    _, schemas = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    for name, members in unions.items():
        schemas[name] = _union([member.__name__ for member in members], schemas)
    for schema in schemas.values():
        _repair_defaults(schema, schemas)
    for schema in objects_in(list(schemas.values())):
        repair_schema(schema)
    return {**schemas, **dict(starmap(_enumeration, _ENUMERATIONS.items()))}


def _enumeration(name: str, declared: tuple[str, Sequence[str]]) -> tuple[str, Json]:
    description, words = declared
    return name, {"title": name, "description": description, "type": "string", "enum": list(words)}


def _repair_defaults(schema: Json, schemas: Mapping[str, Json]) -> None:
    """Say in words what a field is that is left out; an answer leaves none out that has a value.

    Some generators take a field with a default for one that must be given, or get the type of the default wrong.
    """
    for name, field in schema.get("properties", {}).items():
        if "default" not in field:
            continue
        default = field.pop("default")
        if schema.get("additionalProperties", True):
            schema["required"].append(name)
        else:
            about = field if "$ref" not in field else schemas[field["$ref"].removeprefix(REF)]
            field["description"] = f"{about['description']} If left out: `{default}`."


def repair_schema(schema: Json) -> None:
    """Refer to an enumeration by its name, write the only one of its kind as a constant, and unfold a docstring."""
    words = schema.get("enum", ())
    if all(isinstance(word, str) for word in words) and words:
        schema |= {"type": "string"}
        if name := _NAMES.get(frozenset(words)):
            del schema["enum"], schema["type"]
            schema |= reference(name)
        elif len(words) == 1:
            (schema["const"],) = schema.pop("enum")
    if isinstance(pattern := schema.get("pattern"), str):
        schema["pattern"] = pattern.replace(_END, "$")
    if isinstance(text := schema.get("description"), str):
        schema["description"] = "\n".join(line.strip() for line in text.splitlines())


def _union(members: Sequence[str], schemas: Mapping[str, Json]) -> Json:
    statuses = {member: schemas[member]["properties"]["status"]["enum"] for member in members}
    mapping = {status: member for member in members for status in statuses[member]}
    return {"description": "One of these, by its `status`."} | one_of(members, "status", mapping)


def objects_in(json: Any) -> Iterator[Json]:
    """Walk through every object in it, itself included."""
    if isinstance(json, dict):
        yield json
        for value in json.values():
            yield from objects_in(value)
    elif isinstance(json, list):
        for item in json:
            yield from objects_in(item)
