"""Stored request: the input of a job, read without the constraints that a new request has to meet."""

from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_type_hints

import msgspec
from msgspec import NODEFAULT

StructT = TypeVar("StructT", bound=msgspec.Struct)


def stored_request_decoder(struct: type[StructT]) -> msgspec.json.Decoder[StructT]:
    """Return a decoder of inputs that were accepted as this Struct, by this version or by another one.

    Another version may accept longer texts, larger numbers or other words. What it has accepted must not break the
    pages of this version, so texts and numbers of any size are read, and words of enumerations as plain text.
    """
    hints = get_type_hints(struct)  # without the constraints, which are annotations
    fields = [(field.name, _plain(hints[field.name]), _default(field)) for field in msgspec.structs.fields(struct)]
    stored = msgspec.defstruct(struct.__name__, fields, bases=(struct,), frozen=True)
    return msgspec.json.Decoder(stored)


def _plain(hint: Any) -> Any:  # Any: a type of any form
    if isinstance(hint, UnionType):
        return Union[tuple(map(_plain, get_args(hint)))]  # noqa: UP007 - of a tuple
    return str if isinstance(hint, type) and issubclass(hint, Enum) else hint


def _default(field: msgspec.structs.FieldInfo) -> Any:  # Any: as above
    if field.default_factory is not NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return msgspec.field() if field.required else field.default
