"""Struct fields: one Struct made from another that has the same fields, such as a stored one from one on the wire."""

from typing import TypeVar

import msgspec

StructT = TypeVar("StructT", bound=msgspec.Struct)


def as_struct(struct: type[StructT], value: msgspec.Struct) -> StructT:
    """Return a Struct of this type with the fields of the value, which may have more of them."""
    return struct(**{name: getattr(value, name) for name in struct.__struct_fields__})
