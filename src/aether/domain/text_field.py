"""Texts that callers write: declared once, as part of the field's type, and held to that."""

import re
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from aether.errors import FieldError

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_CONTROLS_BUT_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_TRIMMED = r"[\s\x1c-\x1f\x85]*"  # not every dialect counts these controls as white space, as Python does
_SPACES = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_MOST_COUNTED = 4_000  # beyond that, counting takes some engines too much memory


def text(
    description: str, most: int, *, lines: bool = False, marks: str = "", examples: list[str] | None = None
) -> Meta:
    """Describe a text of 1 to `most` characters after trimming and without control characters (`lines` allows breaks).

    It holds more than `marks`, which are written as within the brackets of a regular expression. `trim` enforces it:
    Meta's own limits, like the schema's `maxLength`, would count the white space that is trimmed off.
    """
    return Meta(
        description=f"{description} 1 to {most:,} characters.",
        examples=examples,
        extra_json_schema={"minLength": 1, "pattern": _pattern(_controls(lines=lines), marks, most)},
        extra={"most": most, "lines": lines, "marks": marks},
    )


def _controls(*, lines: bool) -> str:
    return _CONTROLS_BUT_LINES if lines else _CONTROLS


def _pattern(controls: str, marks: str, most: int) -> str:
    """Say what `trim` demands in the dialect of JSON Schema, so that no text takes long to be found wrong."""
    # These are not counted: only looking ahead could, which not all dialects do.
    skipped = f"[{_SPACES}{marks}]*" if marks else ""
    times = f"{{0,{most - 2}}}" if most <= _MOST_COUNTED else "*"
    return rf"^{_TRIMMED}{skipped}[^\s{controls}{marks}]([^{controls}]{times}[^\s{controls}])?{_TRIMMED}$"


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
    if re.search(f"[{_controls(lines=limits['lines'])}]", trimmed):
        raise FieldError(field, "must not contain control characters" + (" other than line breaks" * limits["lines"]))
    if not "".join(trimmed.split()).strip(limits["marks"]):
        raise FieldError(field, "must hold words, not only marks")
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
