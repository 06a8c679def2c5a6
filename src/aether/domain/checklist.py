"""What a checklist is: the guideline it is made from, its summary, and its items, each with the words it rests on."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Self

import msgspec

from aether.domain.text_field import text

MAX_GUIDELINE = 20_000
"""Characters."""


class ChecklistRequest(msgspec.Struct, frozen=True):
    """What a caller may ask for."""

    input_text: Annotated[
        str,
        text(
            "The guideline to turn into a checklist.",
            MAX_GUIDELINE,
            lines=True,
            examples=["Wash your hands before meals.\nKeep raw and cooked food apart."],
        ),
    ]


class Summary(msgspec.Struct, frozen=True):
    """What the guideline says in short, as plain paragraphs."""

    text: str


class Item(msgspec.Struct, frozen=True):
    """One requirement in one line, and the span of the guideline on which it rests, character for character."""

    text: str
    quote: str


class Checklist(msgspec.Struct, frozen=True):
    """The requirements of a guideline, in order. Make one with `of`, which keeps each of them once."""

    items: tuple[Item, ...]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Keep the first of items that differ in case, space or punctuation only, and none without a word."""
        kept: dict[str, Item] = {}
        for item in items:
            if key := _key(item.text):
                kept.setdefault(key, item)
        return cls(tuple(kept.values()))

    @property
    def markdown(self) -> str:
        """One bullet for each item, in a line of its own."""
        return "\n".join(f"- {item.text}" for item in self.items)


def _key(line: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", line).casefold()))
