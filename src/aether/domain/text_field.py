"""Text fields of requests: limits are declared in the field's type, checked by `trim`, and shown in the schema."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from aether.domain.plain_text import INVISIBLE, is_blank
from aether.errors import FieldError

T = TypeVar("T")

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_CONTROLS_EXCEPT_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_WHITE_SPACE = r"\s\x1c-\x1f\x85"  # Python counts these controls as white space, but not every regex dialect does
_LEADING = re.compile(f"[{_WHITE_SPACE}{INVISIBLE}]*")
_SPACES = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_MAX_COUNTED = 4_000  # larger repetitions take too much memory in some regex engines


def text(
    description: str, max_length: int, *, multiline: bool = False, markup: str = "", examples: list[str] | None = None
) -> Meta:
    """Declare a text of 1 to `max_length` characters after trimming, without control characters.

    White space around the text is trimmed, and so are invisible characters before it. `multiline` allows line breaks.
    The text must not consist of `markup` characters only, which are written as in a regex character class. `trim`
    enforces this; Meta's own limits, and the schema's `maxLength`, would also count what is trimmed.
    """
    return Meta(
        description=f"{description} 1 to {max_length:,} characters.",
        examples=examples,
        extra_json_schema={"minLength": 1, "pattern": _pattern(_controls(multiline=multiline), markup, max_length)},
        extra={"max_length": max_length, "multiline": multiline, "markup": markup},
    )


def _controls(*, multiline: bool) -> str:
    return _CONTROLS_EXCEPT_LINES if multiline else _CONTROLS


def _pattern(controls: str, markup: str, max_length: int) -> str:
    """Return the rules of `trim` as a JSON Schema pattern that never takes long to reject a text."""
    # Leading markup is not counted: that needs a lookahead, which not all dialects have.
    skipped = f"[{_SPACES}{INVISIBLE}{markup}]*" if markup else ""
    times = f"{{0,{max_length - 2}}}" if max_length <= _MAX_COUNTED else "*"
    first, last = rf"[^\s{controls}{INVISIBLE}{markup}]", rf"[^\s{controls}]"
    return rf"^{_LEADING.pattern}{skipped}{first}([^{controls}]{times}{last})?[{_WHITE_SPACE}]*$"


def trim(struct: msgspec.Struct) -> None:
    """Trim and check every field declared with `text`, in place; call this from `__post_init__`.

    Such a field holds a text, a tuple, or a dictionary; what is no text in a tuple is skipped.

    Raises:
        FieldError: a field breaks a rule; names the field as on the wire.
    """
    for name, wire_name, limits in _text_fields(type(struct)):
        value = getattr(struct, name)
        if isinstance(value, str):
            msgspec.structs.force_setattr(struct, name, _trim_text(wire_name, value, limits))
        elif isinstance(value, tuple):
            items = tuple(_trim_item(f"{wire_name}[{at}]", item, limits) for at, item in enumerate(value))
            msgspec.structs.force_setattr(struct, name, items)
        elif isinstance(value, dict):
            entries = {key: _trim_text(f"{wire_name}.{key}", each, limits) for key, each in value.items()}
            msgspec.structs.force_setattr(struct, name, entries)


def broken_texts(struct: type[msgspec.Struct], values: Mapping[str, object]) -> Iterator[FieldError]:
    """Yield every rule of `trim` that these values break, by their names on the wire; `trim` stops at the first one.

    Values that are not texts are skipped.
    """
    for _, wire_name, limits in _text_fields(struct):
        for field, value in _items(wire_name, values.get(wire_name)):
            try:
                _trim_item(field, value, limits)
            except FieldError as error:
                yield error


def text_names(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the names of the fields that are declared with `text`."""
    return tuple(name for name, _, _ in _text_fields(struct))


def _items(name: str, value: object) -> Iterable[tuple[str, object]]:
    """Return a value, or what a list or a dictionary holds, with its name on the wire."""
    if isinstance(value, list | tuple):
        return ((f"{name}[{at}]", item) for at, item in enumerate(value))
    if isinstance(value, dict):
        return ((f"{name}.{key}", item) for key, item in value.items())
    return ((name, value),)


def _trim_item(field: str, value: T, limits: dict[str, Any]) -> T | str:
    return _trim_text(field, value, limits) if isinstance(value, str) else value


def _trim_text(field: str, value: str, limits: dict[str, Any]) -> str:
    trimmed = _LEADING.sub("", value, count=1).rstrip()
    if is_blank(trimmed) or len(trimmed) > limits["max_length"]:
        raise FieldError(field, f"must be 1 to {limits['max_length']} characters long, without the space around it")
    if re.search(f"[{_controls(multiline=limits['multiline'])}]", trimmed):
        raise FieldError(
            field, "must not contain control characters" + (" other than line breaks" * limits["multiline"])
        )
    if is_blank(trimmed, limits["markup"]):
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
            if isinstance(meta, Meta) and meta.extra and "max_length" in meta.extra:
                return meta.extra
    inner = (_limits(argument) for argument in get_args(annotation) if argument is not annotation)
    return next((limits for limits in inner if limits), None)
