"""XHTML of blocks and spans: the markup that web pages and books share, in which everything from a text is escaped."""

from collections.abc import Callable
from html import escape

from typing_extensions import override

from aether.documents.block_visitor import BlockVisitor
from aether.documents.model import (
    Blocks,
    Code,
    Direction,
    Divider,
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

_FIRST_LEVEL = 2  # of the headings inside a part, below the part's own
_TAGS = (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong"))
_CHECK_BOXES = {None: "", False: "☐ ", True: "☑ "}


class XhtmlBuilder(BlockVisitor[str]):
    """Makes the markup of one document; `href` returns the address of an entry, or of the part that refers to it."""

    def __init__(self, direction: Direction, href: Callable[[str, str], str]) -> None:
        self._direction = direction
        self._href = href
        self._cited: set[str] = set()

    def part(self, part: Part) -> str:
        """Return a part with its heading."""
        heading = f"<h2{self._dir(part.direction)}>{escape(part.heading)}</h2>\n" if part.heading else ""
        return f'<section id="{part.id}">\n{heading}{self.blocks(part.blocks)}\n</section>'

    def blocks(self, blocks: Blocks) -> str:
        """Return blocks, one below the other."""
        return "\n".join(map(self.visit, blocks))

    def spans(self, spans: Spans) -> str:
        """Return the text of spans with its appearance."""
        return "".join(map(self._span, spans))

    @override
    def visit_paragraph(self, block: Paragraph) -> str:
        return f"<p{self._dir(block.direction)}>{self.spans(block.spans)}</p>"

    @override
    def visit_heading(self, block: Heading) -> str:
        tag = f"h{block.level + _FIRST_LEVEL}"
        return f"<{tag}{self._dir(block.direction)}>{self.spans(block.spans)}</{tag}>"

    @override
    def visit_list(self, block: List) -> str:
        attributes = self._dir(block.direction)
        if all(item.is_checked is not None for item in block.items):
            attributes += ' class="checks"'
        if block.start not in {None, 1}:
            attributes += f' start="{block.start}"'
        tag = "ul" if block.start is None else "ol"
        items = "\n".join(self._item(item, is_tight=block.is_tight) for item in block.items)
        return f"<{tag}{attributes}>\n{items}\n</{tag}>"

    @override
    def visit_quote(self, block: Quote) -> str:
        return f"<blockquote>\n{self.blocks(block.blocks)}\n</blockquote>"

    @override
    def visit_code(self, block: Code) -> str:
        return f'<pre dir="ltr"><code>{escape(block.text)}\n</code></pre>'

    @override
    def visit_table(self, block: Table) -> str:
        head = self._row(block.head, block, "th")
        rows = "\n".join(self._row(row, block, "td") for row in block.rows)
        body = f"<tbody>\n{rows}\n</tbody>\n" if rows else ""
        table = f"<table{self._dir(block.direction)}>\n<thead>\n{head}\n</thead>\n{body}</table>"
        return f'<div class="table">\n{table}\n</div>'

    @override
    def visit_divider(self, block: Divider) -> str:
        return "<hr/>"

    @override
    def visit_entries(self, block: Entries) -> str:
        return '<ul class="entries">\n' + "\n".join(map(self._entry, block.entries)) + "\n</ul>"

    def _dir(self, direction: Direction) -> str:
        return "" if direction == self._direction else f' dir="{direction}"'

    def _span(self, span: Span) -> str:
        if span.target:
            return self._reference(span)
        markup = escape(span.text, quote=False).replace("\n", "<br/>")
        for mark, tag in _TAGS:
            if getattr(span, mark):
                markup = f"<{tag}>{markup}</{tag}>"
        return f'<a href="{escape(span.url)}">{markup}</a>' if span.url else markup

    def _reference(self, span: Span) -> str:
        anchor = "" if span.target in self._cited else f' id="ref-{span.target}"'
        self._cited.add(span.target)
        address = self._href(span.target, span.target.partition("-")[0] + "s")
        return f'<sup><a{anchor} href="{address}">{escape(span.text)}</a></sup>'

    def _item(self, item: ListItem, *, is_tight: bool) -> str:
        first, rest = item.blocks[:1], item.blocks[1:]
        box = _CHECK_BOXES[item.is_checked]
        if is_tight and first and isinstance(first[0], Paragraph):
            return f"<li>{box}{self.spans(first[0].spans)}{self._after(rest)}</li>"
        return f"<li>{box}{self.blocks(item.blocks)}</li>"

    def _after(self, blocks: Blocks) -> str:
        return f"\n{self.blocks(blocks)}\n" if blocks else ""

    def _row(self, cells: tuple[Spans, ...], table: Table, tag: str) -> str:
        opening = {"start": f"<{tag}>", "center": f'<{tag} class="center">', "end": f'<{tag} class="end">'}
        aligned = zip(cells, table.alignments, strict=True)
        return "<tr>" + "".join(f"{opening[where]}{self.spans(cell)}</{tag}>" for cell, where in aligned) + "</tr>"

    def _entry(self, entry: Entry) -> str:
        back = self._href(f"ref-{entry.id}", entry.cited_in)
        link = f'<a class="marker" href="{back}">{escape(entry.marker)}</a>'
        return f'<li id="{entry.id}">{link}<div>{self.blocks(entry.blocks)}</div></li>'
