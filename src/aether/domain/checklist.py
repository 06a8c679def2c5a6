"""Checklist records: the request with its guideline, the summary, and the items, each with its quote."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Self

import msgspec

from aether.domain.text_field import text

MAX_GUIDELINE = 20_000
"""Characters."""


class ChecklistRequest(msgspec.Struct, frozen=True):
    """The request for a checklist."""

    input_text: Annotated[
        str,
        text(
            "The guideline to turn into a checklist.",
            MAX_GUIDELINE,
            multiline=True,
            examples=["Wash your hands before meals.\nKeep raw and cooked food apart."],
        ),
    ]


class Summary(msgspec.Struct, frozen=True):
    """A summary of the guideline, as plain paragraphs."""

    text: str


class Item(msgspec.Struct, frozen=True):
    """One requirement in one line, and the part of the guideline it comes from, quoted verbatim."""

    text: str
    quote: str


class Checklist(msgspec.Struct, frozen=True):
    """The requirements of a guideline, in order; create one with `of`, which removes duplicates."""

    items: tuple[Item, ...]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Drop items without letters or digits, and repetitions that differ only in case, space or punctuation."""
        unique: dict[str, Item] = {}
        for item in items:
            if key := _key(item.text):
                unique.setdefault(key, item)
        return cls(tuple(unique.values()))

    @property
    def markdown(self) -> str:
        """A bullet list, one line for each item."""
        return "\n".join(f"- {item.text}" for item in self.items)


def _key(line: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", line).casefold()))
