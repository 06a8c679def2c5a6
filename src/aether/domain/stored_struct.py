"""Stored struct: a Struct in a stored record, whose fields of newer versions are kept when it is written back."""

import msgspec
from msgspec import UNSET, UnsetType


class StoredStruct(msgspec.Struct, frozen=True, kw_only=True):
    """A Struct that is stored as JSON and may be written back; adapters read and write it with `StoredJson`.

    `unknown_fields` are those of the stored JSON that this version does not know.
    """

    unknown_fields: dict[str, msgspec.Raw] | UnsetType = UNSET
