"""Named literal: an enumeration that has a schema of its own, declared as part of the type."""

from typing import Any, get_args

from msgspec import Meta

DEFINITION = "x-enumeration"
"""Where the schema of a field holds the definition of the enumeration."""


def named_literal(name: str, description: str, literal: Any) -> Meta:  # Any: a `Literal` is no type to the checker
    """Name the words of a literal type.

    Use it in the type: `Status = Annotated[_Word, named_literal("Status", "…", _Word)]`. The name belongs to the type,
    so that two enumerations of the same words stay apart. The words keep their order, which msgspec does not keep.
    """
    definition = {"title": name, "description": description, "type": "string", "enum": list(get_args(literal))}
    return Meta(extra_json_schema={DEFINITION: definition})


def definition_of(annotation: Any) -> dict[str, Any] | None:  # Any: a type of any form; the definition is JSON
    """Return the definition of the named literal that this is, or that it is an option of."""
    metadata = getattr(annotation, "__metadata__", ())
    found = (
        each.extra_json_schema.get(DEFINITION) for each in metadata if isinstance(each, Meta) and each.extra_json_schema
    )
    inner = (definition_of(option) for option in get_args(annotation) if option is not annotation)
    return next((each for each in (*found, *inner) if each), None)
