"""Texts that callers write: declared once, as part of the field's type, and held to that."""

import re
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from aether.errors import FieldError

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def text(description: str, most: int, *, lines: bool = False, examples: list[str] | None = None) -> Meta:
    """Describe a text of 1 to `most` characters after trimming and without control characters (`lines` allows breaks).

    `trim` enforces it: Meta's own limits would count the white space that is trimmed off.
    """
    return Meta(
        description=description,
        examples=examples,
        extra_json_schema={"minLength": 1, "maxLength": most},
        extra={"most": most, "lines": lines},
    )


def trim(struct: msgspec.Struct) -> None:
    """Trim every field declared with `text`, in place, and hold it to its limits; call it from `__post_init__`.

    Raises:
        FieldError: names the field by its wire name, and the rule that it breaks.
    """
    for name, wire_name, limits in _text_fields(type(struct)):
        value = getattr(struct, name)
        if isinstance(value, str):
            msgspec.structs.force_setattr(struct, name, _trimmed(wire_name, value, limits))
        elif isinstance(value, tuple):
            items = tuple(_trimmed(f"{wire_name}[{at}]", item, limits) for at, item in enumerate(value))
            msgspec.structs.force_setattr(struct, name, items)


def _trimmed(field: str, value: str, limits: dict[str, Any]) -> str:
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= limits["most"]:
        raise FieldError(field, f"must be 1 to {limits['most']} characters long, without the space around it")
    if (_CONTROLS_BUT_LINES if limits["lines"] else _CONTROLS).search(trimmed):
        raise FieldError(field, "must not contain control characters" + (" other than line breaks" * limits["lines"]))
    return trimmed


@cache
def _text_fields(struct: type[msgspec.Struct]) -> list[tuple[str, str, dict[str, Any]]]:
    hints = get_type_hints(struct, include_extras=True)
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    found = ((name, wire_name, _limits(hints[name])) for name, wire_name in names)
    return [(name, wire_name, limits) for name, wire_name, limits in found if limits]


def _limits(annotation: Any) -> dict[str, Any] | None:  # Any: a type of any form
    if get_origin(annotation) is Annotated:
        for meta in annotation.__metadata__:
            if isinstance(meta, Meta) and meta.extra and "most" in meta.extra:
                return meta.extra
    inner = (_limits(argument) for argument in get_args(annotation) if argument is not annotation)
    return next((limits for limits in inner if limits), None)
