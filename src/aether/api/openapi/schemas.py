"""The schemas of the OpenAPI document: what msgspec says of the Structs, with names for unions and enumerations."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

import msgspec

from aether.domain.named_literal import DEFINITION

Json: TypeAlias = dict[str, Any]  # Any: JSON
Structs: TypeAlias = Sequence[type[msgspec.Struct]]

REF = "#/components/schemas/"

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


def schemas_of(structs: Structs, unions: Mapping[str, Structs], words: Mapping[str, Sequence[str]]) -> Json:
    """Return the schemas of these Structs and all that they hold, and of unions of them, told apart by `status`.

    `words` are those of enumeration classes, by name, where they are not just the members of the class.
    """
    _, schemas = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    for name, members in unions.items():
        schemas[name] = _union([member.__name__ for member in members], schemas)
    for schema in schemas.values():
        _repair_defaults(schema, schemas)
    for cls in _enumeration_classes(structs):
        # msgspec does not keep the order of the members.
        schemas[cls.__name__] |= {"type": "string", "enum": list(words.get(cls.__name__, [each.value for each in cls]))}
    enumerations = {}
    for schema in objects_in(list(schemas.values())):
        if definition := schema.pop(DEFINITION, None):
            enumerations[definition["title"]] = definition
            del schema["enum"]
            schema.update(reference(definition["title"]))
    for schema in objects_in(list(schemas.values())):
        repair_schema(schema)
    return {**schemas, **enumerations}


def _enumeration_classes(structs: Structs) -> Iterator[type[Enum]]:
    """Find the enumeration classes in the fields of these Structs."""
    seen: set[type] = set()

    def walk(kind: object) -> Iterator[type[Enum]]:
        if isinstance(kind, msgspec.inspect.EnumType):
            yield kind.cls
        elif isinstance(kind, msgspec.inspect.StructType) and kind.cls not in seen:
            seen.add(kind.cls)
            for own in kind.fields:
                yield from walk(own.type)
        else:
            inner = (getattr(kind, name, ()) for name in ("type", "item_type", "value_type", "types", "item_types"))
            for each in inner:
                for found in each if isinstance(each, tuple) else (each,):
                    yield from walk(found)

    for struct in structs:
        yield from walk(msgspec.inspect.type_info(struct))


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
    """Write the only word of an enumeration as a constant, and unfold a docstring."""
    words = schema.get("enum", ())
    if all(isinstance(word, str) for word in words) and words:
        schema |= {"type": "string"}
        if len(words) == 1:
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
