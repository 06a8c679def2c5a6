"""Validation errors: the messages of msgspec and Litestar as a field's name on the wire and the rule that it breaks."""

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec
from litestar import Request
from litestar.enums import ParamType
from litestar.exceptions import ValidationException
from litestar.params import PathParameter
from litestar.typing import FieldDefinition

from aether.errors import FieldError

MAX_ERRORS = 20
"""How many broken rules a response lists."""

# The parts of msgspec's messages.
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `(?P<key>key` in `)?\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_TYPE = re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<actual>[^`]+)`")
_PATH_STEP = re.compile(r"(?P<field>[^.\[\]]+)|\[\d+\]")
_LENGTH = re.compile(r"Expected `(?P<type>\w+)` of length (?P<sign>[<>]=) (?P<limit>\d+)")
_BOUND = re.compile(r"Expected `\w+` (?P<sign>[<>]=) (?P<limit>.+)")
_TYPES = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_UNITS = {"str": ("character", "characters"), "array": ("item", "items"), "object": ("entry", "entries")}
_SIGNS = {">=": "at least", "<=": "at most"}
_OTHER_RULE = "is not a valid value"


def body_error(message: str, body_type: Any) -> FieldError:  # Any: msgspec takes types of every form
    """Return the error for msgspec's message about a body of this type."""
    match = _MESSAGE.fullmatch(message)
    text, path, key = (match["text"], match["path"] or "", match["key"]) if match else (message, "", None)
    for pattern, rule in ((_MISSING, "is required"), (_UNKNOWN, "is not a known field")):
        if found := pattern.fullmatch(text):
            field = found["field"] or '""'
            return FieldError(f"{path}.{field}" if path else field, rule)
    rule = _rule(text) or _enumeration_rule(body_type, path) or _pattern_rule(body_type, path) or _OTHER_RULE
    if key or path.endswith("[...]"):
        rule = f"has a {'key' if key else 'value'} that {rule}"
    return FieldError(path.removesuffix("[...]") or "$", rule)


def parameter_error(request: Request[Any, Any, Any], error: ValidationException) -> FieldError | None:
    """Return the error for the parameters that Litestar rejected; None if it rejected something else."""
    errors = []
    for found in error.extra if isinstance(error.extra, list) else ():
        if found.get("source") in {ParamType.QUERY, ParamType.PATH}:
            # Parameters that only a dependency declares are not in the signature; none of them is an enumeration.
            declared = request.route_handler.parsed_fn_signature.parameters.get(found["key"])
            errors.append(parameter_rule(_wire_name(declared) or found["key"], found["message"], declared))
    return FieldError.of(errors) if errors else None


def _wire_name(declared: FieldDefinition | None) -> str | None:
    """Return the name that a path parameter has in the path, if it is not that of the argument."""
    parameter = declared.kwarg_definition if declared else None
    return parameter.name if isinstance(parameter, PathParameter) else None


def parameter_rule(name: str, message: str, declared: FieldDefinition | None) -> FieldError:
    """Return the error for msgspec's message about a parameter."""
    values = _one_of([*_literal_values(declared.annotation)]) if declared else None
    rule = _rule(message) or values or _OTHER_RULE
    # Everything in a query is a string, and an optional parameter cannot be null there.
    return FieldError(name, rule.removesuffix(", not a string").removesuffix(" or null"))


def _rule(text: str) -> str | None:
    """Return the rule that a message spells out."""
    if found := _TYPE.fullmatch(text):
        expected = " or ".join(_TYPES.get(name, name) for name in found["expected"].split(" | "))
        # msgspec calls every number with a fraction a float; where a whole number is expected, the fraction is wrong.
        types = _TYPES | {"float": "a fraction"} if found["expected"] == "int" else _TYPES
        return f"must be {expected}, not {types.get(found['actual'], found['actual'])}"
    if found := _LENGTH.fullmatch(text):
        units = _UNITS.get(found["type"], (found["type"],) * 2)[found["limit"] != "1"]
        return f"must have {_SIGNS[found['sign']]} {found['limit']} {units}"
    if found := _BOUND.fullmatch(text):
        return f"must be {_SIGNS[found['sign']]} {found['limit']}"
    return "is a number out of range" if text.endswith("out of range") else None


def _enumeration_rule(body_type: Any, path: str) -> str | None:
    """Return the values of an enumeration or a literal, which msgspec's message does not contain."""
    values: list[object] = []
    for found in _types_at(body_type, path):
        bare = _without_constraints(found)
        if isinstance(bare, msgspec.inspect.EnumType):
            values += [member.value for member in bare.cls]
        elif isinstance(bare, msgspec.inspect.LiteralType):
            values += bare.values
    return _one_of(values)


def _pattern_rule(body_type: Any, path: str) -> str | None:
    """Return an example of a pattern; msgspec's message contains only the pattern."""
    found = [each for each in _types_at(body_type, path) if isinstance(each, msgspec.inspect.Metadata)]
    examples = [str(example) for each in found for example in (each.extra_json_schema or {}).get("examples", ())]
    return f"must look like {' or '.join(examples)}" if examples else None


def _types_at(body_type: Any, path: str) -> list[msgspec.inspect.Type]:
    """Return the types that the value at a path may have."""
    types = [msgspec.inspect.type_info(body_type)]
    for step in _PATH_STEP.finditer(path):
        types = [inner for each in types for inner in _inner_types(each, step["field"])]
    return types


def _inner_types(outer: msgspec.inspect.Type, field: str | None) -> list[msgspec.inspect.Type]:
    """Return the types of a field, or of an item if `field` is None."""
    bare = _without_constraints(outer)
    if field is None:
        found = [getattr(bare, "item_type", bare)]
    else:
        found = [each.type for each in getattr(bare, "fields", ()) if each.encode_name == field]
    return [inner for each in found for inner in getattr(each, "types", (each,))]


def _without_constraints(annotated: msgspec.inspect.Type) -> Any:  # Any: types of every form
    return getattr(annotated, "type", annotated)


def _literal_values(annotation: Any) -> Iterator[object]:
    """Yield the values of all literals in a type."""
    for argument in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield argument
        else:
            yield from _literal_values(argument)


def _one_of(values: list[object]) -> str | None:
    return f"must be one of: {', '.join(map(str, values))}" if values else None
