"""OpenAPI schemas: msgspec's schemas of the Structs, with named unions and enumerations."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from aether.domain.named_literal import DEFINITION

Json: TypeAlias = dict[str, Any]  # Any: JSON
Structs: TypeAlias = Sequence[type[msgspec.Struct]]

REF = "#/components/schemas/"

# In Python, "$" also matches before a final line break; in JSON Schema it does not. Not all dialects have lookahead.
_END = r"$(?!\n)"


def reference(name: str) -> Json:
    """Return a reference to the schema of this name."""
    return {"$ref": REF + name}


def one_of(names: Sequence[str], discriminator: str, mapping: Mapping[str, str]) -> Json:
    """Return a union of schemas; `mapping` assigns a schema to each value of the field `discriminator`."""
    references = {value: REF + name for value, name in mapping.items()}
    members = [reference(name) for name in names]
    return {"oneOf": members, "discriminator": {"propertyName": discriminator, "mapping": references}}


def schemas_of(structs: Structs, unions: Mapping[str, Structs], enumerations: Mapping[str, Sequence[str]]) -> Json:
    """Return the schemas of these Structs and of everything in them, and of unions with the discriminator `status`.

    `enumerations` are the values of enumeration classes, by name, that have other values than the class's members.
    """
    _, schemas = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    for name, members in unions.items():
        schemas[name] = _union([member.__name__ for member in members], schemas)
    for schema in schemas.values():
        _repair_defaults(schema, schemas)
    for cls in _enumeration_classes(structs):
        # msgspec does not keep the order of the members.
        schemas[cls.__name__] |= {
            "type": "string",
            "enum": list(enumerations.get(cls.__name__, [each.value for each in cls])),
        }
    literals = {}
    for schema in objects_in(list(schemas.values())):
        if definition := schema.pop(DEFINITION, None):
            literals[definition["title"]] = definition
            del schema["enum"]
            schema.update(reference(definition["title"]))
    for schema in objects_in(list(schemas.values())):
        repair_schema(schema)
    return {**schemas, **literals}


def _enumeration_classes(structs: Structs) -> Iterator[type[Enum]]:
    """Yield the enumeration classes in the fields of these Structs."""
    seen: set[type] = set()

    def walk(node: object) -> Iterator[type[Enum]]:
        if isinstance(node, msgspec.inspect.EnumType):
            yield node.cls
        elif isinstance(node, msgspec.inspect.StructType) and node.cls not in seen:
            seen.add(node.cls)
            for field in node.fields:
                yield from walk(field.type)
        else:
            inner = (getattr(node, name, ()) for name in ("type", "item_type", "value_type", "types", "item_types"))
            for each in inner:
                for found in each if isinstance(each, tuple) else (each,):
                    yield from walk(found)

    for struct in structs:
        yield from walk(msgspec.inspect.type_info(struct))


def _repair_defaults(schema: Json, schemas: Mapping[str, Json]) -> None:
    """Move defaults of request fields into their descriptions, and make response fields with a default required.

    Some client generators treat fields with a default as required, or get the type of the default wrong. Responses
    always contain fields that have a default.
    """
    for name, field in schema.get("properties", {}).items():
        if "default" not in field:
            continue
        default = field.pop("default")
        if schema.get("additionalProperties", True):
            schema["required"].append(name)
        else:
            described = field if "$ref" not in field else schemas[field["$ref"].removeprefix(REF)]
            field["description"] = f"{described['description']} If left out: `{default}`."


def repair_schema(schema: Json) -> None:
    """Write an enumeration of one value as a constant, fix patterns and unions, and remove the indentation of texts."""
    if "anyOf" in schema and {"type": "null"} not in schema["anyOf"]:
        # Members of msgspec's unions have different JSON types. With anyOf, some generators only know the objects.
        schema["oneOf"] = schema.pop("anyOf")
    values = schema.get("enum", ())
    if all(isinstance(value, str) for value in values) and values:
        schema |= {"type": "string"}
        if len(values) == 1:
            (schema["const"],) = schema.pop("enum")
    if isinstance(pattern := schema.get("pattern"), str):
        schema["pattern"] = pattern.replace(_END, "$")
    if isinstance(text := schema.get("description"), str):
        schema["description"] = "\n".join(line.strip() for line in text.splitlines())


def _union(members: Sequence[str], schemas: Mapping[str, Json]) -> Json:
    statuses = {member: schemas[member]["properties"]["status"]["enum"] for member in members}
    mapping = {status: member for member in members for status in statuses[member]}
    return {"description": "One of these, depending on `status`."} | one_of(members, "status", mapping)


def objects_in(json: Any) -> Iterator[Json]:
    """Yield all objects in a JSON value, itself included."""
    if isinstance(json, dict):
        yield json
        for value in json.values():
            yield from objects_in(value)
    elif isinstance(json, list):
        for item in json:
            yield from objects_in(item)
