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


def test_two_enumerations_of_the_same_words_keep_their_own_names() -> None:
    assert FIELDS["paint"] == {"$ref": "#/components/schemas/Paint"}
    assert FIELDS["light"] == {"description": "At night.", "$ref": "#/components/schemas/Light"}
    assert FIELDS["others"]["items"] == {"$ref": "#/components/schemas/Light"}


def test_a_named_enumeration_has_a_schema_with_its_words_in_their_order() -> None:
    assert SCHEMAS["Paint"] == {
        "title": "Paint",
        "description": "What a wall is painted in.",
        "type": "string",
        "enum": ["red", "blue"],
    }
    assert SCHEMAS["Light"]["title"] == "Light"


def test_a_class_of_words_keeps_their_order_too() -> None:
    assert SCHEMAS["Shape"]["enum"] == ["square", "circle"]


def test_the_words_of_a_class_may_be_more_than_its_members() -> None:
    assert schemas_of([Lamp], {}, {"Shape": ["square", "circle", "star"]})["Shape"]["enum"][-1] == "star"


def test_the_only_word_is_a_constant() -> None:
    assert FIELDS["kind"]["const"] == "lamp"
