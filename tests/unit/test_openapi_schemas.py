"""OpenAPI schemas: names of enumerations and the order of their values."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from aether.api.openapi.schemas import schemas_of
from aether.domain.named_literal import named_literal

_Word: TypeAlias = Literal["red", "blue"]
_SameWord: TypeAlias = Literal["red", "blue"]
Paint: TypeAlias = Annotated[_Word, named_literal("Paint", "What a wall is painted in.", _Word)]
Light: TypeAlias = Annotated[_SameWord, named_literal("Light", "What a lamp shines in.", _SameWord)]


class Shape(StrEnum):
    """What it looks like."""

    SQUARE = "square"
    CIRCLE = "circle"


class Lamp(msgspec.Struct):
    """A lamp."""

    paint: Paint
    light: Annotated[Light, Meta(description="At night.")]
    others: tuple[Light, ...]
    shape: Shape
    kind: Literal["lamp"] = "lamp"


SCHEMAS = schemas_of([Lamp], {}, {})
FIELDS = SCHEMAS["Lamp"]["properties"]


def test_two_enumerations_with_the_same_values_keep_their_names() -> None:
    assert FIELDS["paint"] == {"$ref": "#/components/schemas/Paint"}
    assert FIELDS["light"] == {"description": "At night.", "$ref": "#/components/schemas/Light"}
    assert FIELDS["others"]["items"] == {"$ref": "#/components/schemas/Light"}


def test_a_named_enumeration_keeps_the_order_of_its_values() -> None:
    assert SCHEMAS["Paint"] == {
        "title": "Paint",
        "description": "What a wall is painted in.",
        "type": "string",
        "enum": ["red", "blue"],
    }
    assert SCHEMAS["Light"]["title"] == "Light"


def test_an_enumeration_class_keeps_the_order_of_its_members() -> None:
    assert SCHEMAS["Shape"]["enum"] == ["square", "circle"]


def test_an_enumeration_class_may_have_further_values() -> None:
    assert schemas_of([Lamp], {}, {"Shape": ["square", "circle", "star"]})["Shape"]["enum"][-1] == "star"


def test_a_single_value_is_a_constant() -> None:
    assert FIELDS["kind"]["const"] == "lamp"
