"""Stored JSON: Structs that are written back with the fields that this version does not know."""

from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from aether.domain.stored_struct import StoredStruct

StructT = TypeVar("StructT", bound=StoredStruct)

_fields = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Raw])


class StoredJson(Generic[StructT]):
    """Decoder and encoder of one Struct; unknown fields are kept at each level, also of Structs in its fields."""

    def __init__(self, struct: type[StructT], order: Literal["deterministic", "sorted"] | None = None) -> None:
        self._decoder = msgspec.json.Decoder(struct)
        self._encode = msgspec.json.Encoder(order=order).encode

    def read(self, content: bytes) -> StructT:
        """Decode without the unknown fields, which is faster, for readers that do not write the Struct back.

        Raises:
            msgspec.DecodeError: the content does not fit the Struct.
        """
        return self._decoder.decode(content)

    def decode(self, content: bytes) -> StructT:
        """Decode with the unknown fields.

        Raises:
            msgspec.DecodeError: it is not of this form.
        """
        struct: StructT = _with_unknown_fields(self._decoder.decode(content), content)
        return struct

    def encode(self, value: StructT) -> bytes:
        """Encode with the unknown fields."""
        return self._encoded(value)

    def _encoded(self, value: Any) -> bytes:  # Any: a Struct or what one holds
        if isinstance(value, tuple):
            return self._encode([Raw(self._encoded(item)) for item in value])
        if not isinstance(value, StoredStruct):
            return self._encode(value)
        parts = {name: getattr(value, name) for name in value.__struct_fields__}
        inner = {name: Raw(self._encoded(part)) for name, part in parts.items() if isinstance(part, _NESTING)}
        content = self._encode(replace(value, unknown_fields=UNSET, **inner))
        if value.unknown_fields is UNSET:
            return content
        return self._encode(_fields.decode(content) | value.unknown_fields)


_NESTING = (tuple, StoredStruct)


def _with_unknown_fields(value: Any, content: bytes | Raw) -> Any:  # Any: as above
    if isinstance(value, tuple):
        return tuple(map(_with_unknown_fields, value, _items.decode(content)))
    if not isinstance(value, StoredStruct):
        return value
    stored, names = _fields.decode(content), value.__struct_fields__
    inner = {name: _with_unknown_fields(getattr(value, name), stored[name]) for name in names if name in stored}
    unknown = {name: part for name, part in stored.items() if name not in names}
    return replace(value, **inner, unknown_fields=unknown or UNSET)
