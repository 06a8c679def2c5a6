"""Text writer: a document as plain text, in lines that fit a terminal."""

import re
from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

from typing_extensions import override

from aether.documents.block_visitor import BlockVisitor
from aether.documents.model import (
    Blocks,
    Code,
    Divider,
    Document,
    Entries,
    Entry,
    Heading,
    List,
    ListItem,
    Paragraph,
    Part,
    Quote,
    Span,
    Spans,
    Table,
)

WIDTH = 78
_MIN_WIDTH = 30
_CHECK_BOXES = {None: "", False: "[ ] ", True: "[x] "}
_COLUMN_GAP = "  "


def write_text(document: Document) -> bytes:
    """Return the text in UTF-8."""
    return ("\n\n".join(_texts(document)) + "\n").encode()


def _texts(document: Document) -> Iterator[str]:
    visitor = _TextVisitor(WIDTH)
    yield _underlined(document.title, "=")
    if document.byline:
        yield document.byline
    if document.notice:
        yield visitor.wrap(document.notice)
    for part in document.lead:
        yield from _part(part, visitor)
    if document.has_contents:
        headings = [f"  {part.heading}" for part in document.parts if part.heading]
        yield "\n".join([_underlined(document.contents_heading, "-"), *headings])
    for part in document.parts:
        yield from _part(part, visitor)


def _part(part: Part, visitor: "_TextVisitor") -> Iterator[str]:
    if part.heading:
        yield _underlined(part.heading, "-")
    if part.blocks:
        yield visitor.blocks(part.blocks)


def _underlined(line: str, mark: str) -> str:
    return f"{line}\n{mark * min(len(line), WIDTH)}"


class _TextVisitor(BlockVisitor[str]):
    def __init__(self, width: int) -> None:
        self._width = max(width, _MIN_WIDTH)
        self._wrapper = TextWrapper(self._width, break_long_words=False, break_on_hyphens=False)

    def blocks(self, blocks: Blocks, gap: str = "\n\n") -> str:
        return gap.join(map(self.visit, blocks))

    def wrap(self, text: str) -> str:
        """Break the lines of a text at spaces; a word that is longer than a line stays whole."""
        return "\n".join(self._wrapper.fill(line) for line in text.split("\n"))

    def _narrower(self, columns: int) -> "_TextVisitor":
        return _TextVisitor(self._width - columns)

    @override
    def visit_paragraph(self, block: Paragraph) -> str:
        return self.wrap(_text(block.spans))

    @override
    def visit_heading(self, block: Heading) -> str:
        return self.wrap(_text(block.spans))

    @override
    def visit_list(self, block: List) -> str:
        marks = ["- " if block.start is None else f"{block.start + at}. " for at in range(len(block.items))]
        gap = "\n" if block.is_tight else "\n\n"
        return gap.join(self._item(item, mark, gap) for item, mark in zip(block.items, marks, strict=True))

    def _item(self, item: ListItem, mark: str, gap: str) -> str:
        first = mark + _CHECK_BOXES[item.is_checked]
        return _indented(self._narrower(len(first)).blocks(item.blocks, gap), first, " " * len(first)).rstrip()

    @override
    def visit_quote(self, block: Quote) -> str:
        return _indented(self._narrower(4).blocks(block.blocks), "    ", "    ")

    @override
    def visit_code(self, block: Code) -> str:
        return _indented(block.text, "    ", "    ")

    @override
    def visit_table(self, block: Table) -> str:
        rows = [[_text(cell).replace("\n", " ") for cell in row] for row in (block.head, *block.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if sum(widths) + len(_COLUMN_GAP) * (len(widths) - 1) <= self._width:
            head, *body = (_COLUMN_GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows)
            return "\n".join([head, _COLUMN_GAP.join("-" * width for width in widths), *body])
        return "\n\n".join(self._records(*rows))

    def _records(self, head: list[str], *rows: list[str]) -> Iterable[str]:
        if not rows:
            return [self.wrap(", ".join(head))]
        wrapper = TextWrapper(self._width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        named = ((f"{name}: {cell}" for name, cell in zip(head, row, strict=True)) for row in rows)
        return ["\n".join(map(wrapper.fill, record)) for record in named]

    @override
    def visit_divider(self, block: Divider) -> str:
        return "* * *"

    @override
    def visit_entries(self, block: Entries) -> str:
        return "\n".join(map(self._entry, block.entries))

    def _entry(self, entry: Entry) -> str:
        first = f"{_marker(Span(entry.marker, target=entry.id))} "
        return _indented(self._narrower(len(first)).blocks(entry.blocks), first, " " * len(first))


def _indented(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join((first if at == 0 else rest if line else "") + line for at, line in enumerate(lines))


def _text(spans: Spans) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    if span.target:
        return _marker(span)
    address = span.url.removeprefix("mailto:")
    return f"{span.text} ({address})" if address and address != span.text else span.text


def _marker(span: Span) -> str:
    """Return the marker of a source as it is, that of a footnote so that it differs from those."""
    return span.text if span.target.startswith("source-") else f"[^{re.sub(r'[^0-9]', '', span.text)}]"
