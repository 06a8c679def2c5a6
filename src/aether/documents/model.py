"""Document model: the parts of a document, their blocks, and the spans of text in them."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

Direction: TypeAlias = Literal["ltr", "rtl"]
Alignment: TypeAlias = Literal["start", "center", "end"]


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of text of one appearance; a line feed in it is a line break.

    `url` makes it a link. `target` makes it a reference: to the entry of this id, in a part of entries.
    """

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    url: str = ""
    target: str = ""


Spans: TypeAlias = tuple[Span, ...]


class _Block(msgspec.Struct, frozen=True, tag_field="block", tag=str.lower):
    """A block, which is told from others by its name in the JSON that the PDF template reads."""


class Paragraph(_Block, frozen=True):
    """A paragraph, and the direction of its text."""

    spans: Spans
    direction: Direction = "ltr"


class Heading(_Block, frozen=True):
    """A heading inside a part; `level` is 1 for those right below the part's own."""

    level: int
    spans: Spans
    direction: Direction = "ltr"


class ListItem(msgspec.Struct, frozen=True):
    """An item of a list; `is_checked` is None unless the item has a check box."""

    blocks: "tuple[Block, ...]"
    is_checked: bool | None = None


class List(_Block, frozen=True):
    """A list; `start` is the number of its first item, None for bullets."""

    items: tuple[ListItem, ...]
    start: int | None = None
    is_tight: bool = True
    direction: Direction = "ltr"


class Quote(_Block, frozen=True):
    """A quotation."""

    blocks: "tuple[Block, ...]"


class Code(_Block, frozen=True):
    """Text of fixed width, whose spaces and line breaks count."""

    text: str
    language: str = ""


class Table(_Block, frozen=True):
    """A table: `rows` have as many cells as `head`."""

    head: tuple[Spans, ...]
    rows: tuple[tuple[Spans, ...], ...]
    alignments: tuple[Alignment, ...]
    direction: Direction = "ltr"


class Divider(_Block, frozen=True):
    """A line between two subjects."""


class Entry(msgspec.Struct, frozen=True):
    """A footnote or a source: its id, its marker, its text, and the ids of the part that refers to it first."""

    id: str
    marker: str
    blocks: "tuple[Block, ...]"
    cited_in: str


class Entries(_Block, frozen=True):
    """The footnotes or the sources of the document."""

    entries: tuple[Entry, ...]


Block: TypeAlias = Paragraph | Heading | List | Quote | Code | Table | Divider | Entries
Blocks: TypeAlias = tuple[Block, ...]


class Part(msgspec.Struct, frozen=True):
    """A part with a heading of its own, which the contents list unless it is empty."""

    id: str
    heading: str
    blocks: Blocks
    direction: Direction = "ltr"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document; its own words are in its language.

    `language` is a BCP 47 tag. `byline` says who wrote it and when. `notice`, if there is one, says that it is not
    complete. `lead` are the parts before the contents, `parts` those after them.
    """

    title: str
    title_direction: Direction
    language: str
    direction: Direction
    model: str
    byline: str
    identifier: str
    job_id: str
    created_at: str
    contents_heading: str
    notice: str | UnsetType = UNSET
    lead: tuple[Part, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The parts in the order in which they are read."""
        return self.lead + self.parts

    @property
    def has_contents(self) -> bool:
        """Whether there are enough headings for a table of contents."""
        return sum(bool(part.heading) for part in self.parts) > 1


def bold(spans: Spans) -> Spans:
    """Return the spans in bold."""
    return tuple(replace(span, bold=True) for span in spans)


def plain_text(spans: Spans) -> str:
    """Return the text of spans."""
    return "".join(span.text for span in spans)


def spans_of(blocks: Blocks) -> Iterator[Span]:
    """Yield the spans in blocks, in the order in which they are read."""
    for block in blocks:
        match block:
            case Paragraph() | Heading():
                yield from block.spans
            case List():
                for item in block.items:
                    yield from spans_of(item.blocks)
            case Quote():
                yield from spans_of(block.blocks)
            case Table():
                for row in (block.head, *block.rows):
                    for cell in row:
                        yield from cell
            case _:  # code and dividers have none; entries are made at the end
                pass
