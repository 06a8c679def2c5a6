"""Body rules: every rule that a body breaks, while the decoder stops at the first one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from math import isinf
from types import UnionType
from typing import Annotated, Any, TypeAlias, TypeGuard, Union, get_args, get_origin

import msgspec

from aether.api.http.json_text import ParsedJson, join_path, with_whole_numbers
from aether.api.http.nearest_name import unknown_rule
from aether.api.http.validation_errors import MAX_ERRORS, body_error
from aether.domain.text_field import broken_texts
from aether.errors import FieldError

_MAX_ITEMS = 100
"""How many items of a list are checked one by one, so that a long one does not take long."""

Json: TypeAlias = Any  # JSON of any form, and types of any form


def broken_rules(body: bytes, body_type: Json) -> list[FieldError]:
    """Return the rules that this body, which is JSON, breaks; the first ones if there are many."""
    parsed = ParsedJson(body.decode())
    repeated = (FieldError(path, "must be given only once") for path in parsed.repeated_names())
    broken = _errors(with_whole_numbers(parsed.json), body_type, "")
    return list(islice(_distinct(chain(repeated, broken)), MAX_ERRORS))


def _distinct(errors: Iterable[FieldError]) -> Iterator[FieldError]:
    seen = set()
    for each in errors:
        if str(each) not in seen:
            seen.add(str(each))
            yield each


def _errors(value: Json, annotation: Json, path: str) -> Iterator[FieldError]:
    """Yield the rules that a value of this type breaks: those of its parts, or if these break none, its own."""
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        of_parts = False
        for each in _errors_of_parts(value, annotation, path):
            of_parts = True
            yield each
        if not of_parts:
            yield _own_error(error, value, annotation, path)


def _own_error(error: msgspec.ValidationError, value: Json, annotation: Json, path: str) -> FieldError:
    if _is_out_of_range(value):
        return FieldError(path, "is a number out of range")
    if isinstance(value, dict) and any(map(_is_out_of_range, value.values())):
        return FieldError(path, "has a value that is a number out of range")
    return _below(path, body_error(str(error), annotation))


def _is_out_of_range(value: Json) -> bool:
    return isinstance(value, float) and isinf(value)


def _below(path: str, error: FieldError) -> FieldError:
    """Return an error that a value at this path has, by its path in the whole body."""
    if error.field == "$":
        return FieldError(path or "$", error.rule)
    return FieldError(path + error.field if error.field.startswith("[") else join_path(path, error.field), error.rule)


def _errors_of_parts(value: Json, annotation: Json, path: str) -> Iterator[FieldError]:
    for each in _alternatives(annotation):
        if isinstance(value, dict) and _is_struct(each):
            yield from _errors_of_members(value, each, path)
        elif isinstance(value, dict) and (of_values := _struct_in_map(each)):
            for name, item in islice(value.items(), _MAX_ITEMS):
                yield from _errors(item, of_values, join_path(path, name))
        elif isinstance(value, list) and _is_list(each):
            for at, item in enumerate(value[:_MAX_ITEMS]):
                yield from _errors(item, get_args(each)[0], f"{path}[{at}]")


def _errors_of_members(members: dict[str, Json], struct: type[msgspec.Struct], path: str) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    valid: dict[str, Json] = {}
    for name, field in fields.items():
        if name not in members:
            errors = [FieldError(join_path(path, name), "is required")] if field.required else []
        else:
            value = members[name]
            errors = [*_errors(value, field.type, join_path(path, name))]
            texts = value[:_MAX_ITEMS] if isinstance(value, list) else value
            errors += (_below(path, each) for each in broken_texts(struct, {name: texts}))
            valid |= {} if errors else {name: value}
        yield from errors
    if struct.__struct_config__.forbid_unknown_fields:
        for name in members:
            if name not in fields:
                yield FieldError(join_path(path, name), unknown_rule("field", name, fields))
    yield from (_below(path, each) for each in _own_errors(valid, struct))


def _own_errors(valid: dict[str, Json], struct: type[msgspec.Struct]) -> Sequence[FieldError]:
    """Return the rules that members of the right types break, by the struct's own checks."""
    try:
        msgspec.convert(valid, struct)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, FieldError):
            return error.__cause__.errors
    return ()


def _alternatives(annotation: Json) -> Iterator[Json]:
    """Yield the types of a union, without their constraints."""
    origin: object = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _alternatives(each)
    else:
        yield annotation


def _is_list(annotation: Json) -> bool:
    origin: object = get_origin(annotation)
    return origin in (list, tuple)


def _struct_in_map(annotation: Json) -> type[msgspec.Struct] | None:
    """Return the Struct that the values of a map are, if they are."""
    origin: object = get_origin(annotation)
    _, *values = get_args(annotation) if origin is dict else (None,)
    return next(filter(_is_struct, values), None)


def _is_struct(annotation: Json) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)
