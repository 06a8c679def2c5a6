"""Bodies and parameters: strict JSON in, the first broken rule out in the words of the wire."""

import re
from collections.abc import Iterator
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import msgspec
from litestar import Request
from litestar.enums import ParamType
from litestar.exceptions import ClientException, InternalServerException, ValidationException
from litestar.typing import FieldDefinition

from aether.errors import CallerError, FieldError


class MalformedBodyError(CallerError):
    """The body is not JSON, or there is none."""


class UnsupportedBodyError(CallerError):
    """The body is said to be something other than JSON."""

    def __init__(self, content_type: str) -> None:
        given = f"not {content_type}" if content_type else "and named so in Content-Type"
        super().__init__(f"The body must be application/json, {given}.")


class StrictRequest(Request[Any, Any, Any]):  # Any: the user, the credentials and the state, none of which it reads
    """Decodes a body straight into the handler's `data` type.

    Litestar would take any content type for JSON, convert "3" to 3, and name Python's fields instead of the wire's.
    """

    async def body(self) -> bytes:
        """Return the whole body; one that the client broke off is the client's error."""
        try:
            return await super().body()
        except InternalServerException as error:
            raise ClientException("The body ended before it was complete.") from error

    async def json(self) -> object:
        """Return the body as what the handler declares; nobody asks where there is none.

        Raises:
            UnsupportedBodyError: the content type is not a JSON one.
            MalformedBodyError: it is not JSON.
            FieldError: it is, but breaks a rule.
        """
        content_type = self.headers.get("Content-Type", "")
        if not _JSON.fullmatch(content_type):
            raise UnsupportedBodyError(content_type)
        return decode(await self.body(), _wanted(self.route_handler.parsed_fn_signature.parameters["data"]))


_JSON = re.compile(r"\s*application/(?:json|[\w.-]+\+json)\s*(?:;.*)?", re.IGNORECASE)


def decode(body: bytes, wanted: Any) -> object:  # Any: msgspec takes types of every form
    """Decode JSON strictly.

    Raises:
        MalformedBodyError: it is not JSON in UTF-8.
        FieldError: the first rule that it breaks, with the wire name of the field; `$` stands for the whole body.
    """
    try:
        return _decoded(body, wanted)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, FieldError):
            raise error.__cause__ from None
        raise _broken_rule(str(error), wanted) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBodyError("The body is not valid JSON in UTF-8.") from error


def _decoded(body: bytes, wanted: Any) -> object:  # Any: as above
    try:
        return _decoder(wanted).decode(body)
    except msgspec.ValidationError as error:
        if "Expected `int`, got `float`" not in str(error):
            raise
        return msgspec.convert(_with_whole_numbers(msgspec.json.decode(body)), wanted)


def _with_whole_numbers(json: Any) -> Any:  # Any: JSON
    """Write 2.0 as 2: to JSON Schema they are one number, to msgspec a float and an int."""
    match json:
        case float() if json.is_integer():
            return int(json)
        case dict():
            return {name: _with_whole_numbers(value) for name, value in json.items()}
        case list():
            return [_with_whole_numbers(value) for value in json]
    return json


def _wanted(data: FieldDefinition) -> Any:  # Any: as above
    """Return what a body is to be where there is one: what may be left out cannot be null."""
    given = (each for each in get_args(data.annotation) if each is not NoneType)
    return next(given) if data.is_optional else data.annotation


def serialize_request(body: msgspec.Struct, request: type[msgspec.Struct]) -> bytes:
    """Return what the worker reads of a body: the fields of the domain's own request, without what was left out."""
    return msgspec.json.encode(request(*(getattr(body, name) for name in request.__struct_fields__)))


def broken_parameter(request: Request[Any, Any, Any], error: ValidationException) -> FieldError | None:
    """Name the first parameter of the query that Litestar could not take, and the rule that it breaks."""
    for found in error.extra if isinstance(error.extra, list) else ():
        if found.get("source") is ParamType.QUERY:
            # A parameter that only a dependency declares has no choice of words.
            declared = request.route_handler.parsed_fn_signature.parameters.get(found["key"])
            words = _one_of_these(declared.annotation) if declared else None
            rule = _rule(found["message"]) or words or "is not a valid value"
            # Everything in a query is a string, and what may be left out cannot be null there.
            return FieldError(found["key"], rule.removesuffix(", not a string").removesuffix(" or null"))
    return None


@cache
def _decoder(wanted: Any) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(wanted)


_PLACE = re.compile(r"(?P<said>.*?)(?: - at `(?P<key>key` in `)?\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_STEP = re.compile(r"(?P<field>[^.\[\]]+)|\[\d+\]")
_LENGTH = re.compile(r"Expected `(?P<what>\w+)` of length (?P<sign>[<>]=) (?P<limit>\d+)")
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


def _broken_rule(message: str, wanted: Any) -> FieldError:
    place = _PLACE.fullmatch(message)
    said, path, key = (place["said"], place["path"] or "", place["key"]) if place else (message, "", None)
    for pattern, rule in ((_MISSING, "is required"), (_UNKNOWN, "is not a known field")):
        if found := pattern.fullmatch(said):
            field = found["field"] or '""'
            return FieldError(f"{path}.{field}" if path else field, rule)
    rule = _rule(said) or _one_of(wanted, path) or _like(wanted, path) or "is not a valid value"
    if key or path.endswith("[...]"):
        rule = f"has a {'key' if key else 'value'} that {rule}"
    return FieldError(path.removesuffix("[...]") or "$", rule)


def _rule(said: str) -> str | None:
    if found := _TYPE.fullmatch(said):
        wanted = " or ".join(_TYPES.get(name, name) for name in found["wanted"].split(" | "))
        # To msgspec every number with a point is a float; to a whole number it is the point that is too much.
        types = _TYPES | {"float": "a fraction"} if found["wanted"] == "int" else _TYPES
        return f"must be {wanted}, not {types.get(found['got'], found['got'])}"
    if found := _LENGTH.fullmatch(said):
        units = _UNITS.get(found["what"], (found["what"],) * 2)[found["limit"] != "1"]
        return f"must have {_SIGNS[found['sign']]} {found['limit']} {units}"
    if found := _BOUND.fullmatch(said):
        return f"must be {_SIGNS[found['sign']]} {found['limit']}"
    return "is a number out of range" if said.endswith("out of range") else None


def _one_of(wanted: Any, path: str) -> str | None:
    """Name the values of an enumeration or a literal, which msgspec's message leaves out."""
    values: list[object] = []
    for found in _kinds(wanted, path):
        kind = getattr(found, "type", found)  # without its rules
        if isinstance(kind, msgspec.inspect.EnumType):
            values += [member.value for member in kind.cls]
        elif isinstance(kind, msgspec.inspect.LiteralType):
            values += kind.values
    return _among(values)


def _like(wanted: Any, path: str) -> str | None:
    """Show what fits a pattern, which msgspec's message spells out."""
    found = [kind for kind in _kinds(wanted, path) if isinstance(kind, msgspec.inspect.Metadata)]
    examples = [str(example) for kind in found for example in (kind.extra_json_schema or {}).get("examples", ())]
    return f"must look like {' or '.join(examples)}" if examples else None


def _kinds(wanted: Any, path: str) -> list[msgspec.inspect.Type]:
    """Return the types that the value at a path may have."""
    kinds = [msgspec.inspect.type_info(wanted)]
    for step in _STEP.finditer(path):
        kinds = [inner for kind in kinds for inner in _inside(kind, step["field"])]
    return kinds


def _inside(kind: msgspec.inspect.Type, field: str | None) -> list[msgspec.inspect.Type]:
    """Return the types of a field, or of an item if it is None."""
    bare = getattr(kind, "type", kind)  # without its rules
    found = [each.type for each in getattr(bare, "fields", ()) if each.encode_name == field]
    if field is None:
        found = [getattr(bare, "item_type", bare)]
    return [inner for each in found for inner in getattr(each, "types", (each,))]


def _one_of_these(declared: Any) -> str | None:
    """Name the words of which an optional parameter is one."""
    return _among([*_words_in(declared)])


def _words_in(declared: Any) -> Iterator[object]:
    """Iterate over the words of the literals in a type."""
    for argument in get_args(declared):
        if get_origin(declared) is Literal:
            yield argument
        else:
            yield from _words_in(argument)


def _among(values: list[object]) -> str | None:
    return f"must be one of: {', '.join(map(str, values))}" if values else None
