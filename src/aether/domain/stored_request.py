"""Stored request: the input of a job, read without the constraints that a new request has to meet."""

from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT

StructT = TypeVar("StructT", bound=msgspec.Struct)


def stored_request_decoder(struct: type[StructT]) -> msgspec.json.Decoder[StructT]:
    """Return a decoder of inputs that were accepted as this Struct, by this version or by another one.

    Another version may accept longer texts, larger numbers or other words. What it has accepted must not break the
    pages of this version, so texts and numbers of any size are read, and words of enumerations as plain text.
    """
    return msgspec.json.Decoder(_lenient(struct))


@cache
def _lenient(struct: type[StructT]) -> type[StructT]:
    """Return the Struct without constraints, also of Structs in its fields; its instances are of the Struct's type."""
    hints = get_type_hints(struct)  # without the constraints, which are annotations
    fields = [(field.name, _plain(hints[field.name]), _default(field)) for field in msgspec.structs.fields(struct)]
    # A subclass, which the type of `defstruct` does not say.
    return msgspec.defstruct(struct.__name__, fields, bases=(struct,), frozen=True)  # type: ignore[return-value]


def _plain(hint: Any) -> Any:  # Any: a type of any form
    if isinstance(hint, type) and issubclass(hint, Enum):
        return str
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _lenient(hint)
    arguments = tuple(map(_plain, get_args(hint)))
    if get_origin(hint) is UnionType or get_origin(hint) is Union:
        return Union[arguments]  # noqa: UP007 - the number of types is not known
    return get_origin(hint)[arguments] if arguments else hint


def _default(field: msgspec.structs.FieldInfo) -> Any:  # Any: as above
    if field.default_factory is not NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return msgspec.field() if field.required else field.default
