"""DOCX body: the blocks of a document as paragraphs and tables of WordprocessingML."""

from collections.abc import Callable

from typing_extensions import override

from aether.documents.block_visitor import BlockVisitor
from aether.documents.docx_runs import LINK_COLOR, RunBuilder, internal_link, run, run_properties
from aether.documents.model import (
    Blocks,
    Code,
    Direction,
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
    bold,
    plain_text,
)

INDENT = 360  # twentieths of a point for each level of a list or a quotation
MAX_LEVEL = 8
_WIDE = 8  # columns, beyond which a table gets a page across
_CHECK_BOXES = {False: "☐", True: "☒"}
_TEXT_WIDTH = 9_298  # twentieths of a point
_SIZES = ((4, 19), (8, 17), (12, 15))  # columns, and half points
_SMALLEST = 12
# Word takes the left side of a paragraph from right to left for its start.
_SIDES = {"start": "left", "center": "center", "end": "right"}
_PORTRAIT = '<w:pgSz w:w="11906" w:h="16838"/>'
_ACROSS = '<w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/>'
_MARGINS = (
    '<w:pgMar w:top="1304" w:right="1304" w:bottom="1304" w:left="1304" w:header="709" w:footer="567" w:gutter="0"/>'
)
_TOC = ' TOC \\o "1-1" \\h \\z \\u '


class DocxBody(BlockVisitor[str]):
    """Makes the body of one document; `new_list` returns the id of the numbering of a list."""

    def __init__(self, builder: RunBuilder, new_list: Callable[[int | None, int], int]) -> None:
        self._builder = builder
        self._new_list = new_list
        self._depth = 0
        self._style = ""
        self._may_turn = False

    def document(self, document: Document) -> str:
        """Return everything in the body."""
        title = (Span(document.title),)
        parts = [
            self._paragraph(title, document.title_direction, style="Title"),
            self._paragraph((Span(document.byline),), document.direction, style="Subtitle"),
        ]
        if document.notice:
            parts.append(self._paragraph((Span(document.notice),), document.direction, style="Notice"))
        parts += map(self._part, document.lead)
        if document.has_contents:
            parts.append(self._contents(document))
        self._may_turn = True
        parts += map(self._part, document.parts)
        return "".join(parts)

    def _part(self, part: Part) -> str:
        return self._part_heading(part) + self._blocks(part.blocks)

    def _part_heading(self, part: Part) -> str:
        if not part.heading:
            return ""
        return _paragraph(
            self._builder.bookmark(part.id, self._heading_run(part)), "Heading1", direction=part.direction
        )

    def _contents(self, document: Document) -> str:
        headed = [part for part in document.parts if part.heading]
        code = f'<w:r><w:instrText xml:space="preserve">{_TOC}</w:instrText></w:r>'
        links = [internal_link(part.id, self._heading_run(part)) for part in headed]
        links[0] = _field_mark("begin") + code + _field_mark("separate") + links[0]
        links[-1] += _field_mark("end")
        title = self._paragraph((Span(document.contents_heading),), document.direction, style="TOCHeading")
        lines = zip(links, headed, strict=True)
        return title + "".join(_paragraph(link, "toc1", direction=part.direction) for link, part in lines)

    @staticmethod
    def _heading_run(part: Part) -> str:
        return run(part.heading, run_properties(Span(part.heading), part.direction))

    def _blocks(self, blocks: Blocks) -> str:
        return "".join(map(self.visit, blocks))

    def _paragraph(self, spans: Spans, direction: Direction, layout: str = "", style: str = "") -> str:
        runs = self._builder.runs(spans, direction)
        return _paragraph(runs, style or self._style, layout or self._indent(), direction=direction)

    def _indent(self) -> str:
        return f'<w:ind w:left="{self._depth * INDENT}"/>' if self._depth else ""

    @override
    def visit_paragraph(self, block: Paragraph) -> str:
        return self._paragraph(block.spans, block.direction)

    @override
    def visit_heading(self, block: Heading) -> str:
        return self._paragraph(block.spans, block.direction, style=f"Heading{block.level + 1}")

    @override
    def visit_list(self, block: List) -> str:
        level = min(self._depth, MAX_LEVEL)
        list_id = self._new_list(block.start, level)
        self._depth += 1
        items = "".join(self._item(item, list_id, level, block.direction) for item in block.items)
        self._depth -= 1
        return items

    def _item(self, item: ListItem, list_id: int, level: int, direction: Direction) -> str:
        """Return an item: its first paragraph has the mark, the others are indented like it."""
        first, rest = item.blocks[:1], item.blocks[1:]
        numbering = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'
        spans: Spans = ()
        if first and isinstance(first[0], Paragraph):
            spans, direction = first[0].spans, first[0].direction
        else:
            rest = item.blocks
        if item.is_checked is not None:
            numbering, spans = "", (Span(f"{_CHECK_BOXES[item.is_checked]} "), *spans)
        return self._paragraph(spans, direction, numbering, "ListParagraph") + self._blocks(rest)

    @override
    def visit_quote(self, block: Quote) -> str:
        style, self._style = self._style, "Quote"
        self._depth += 1
        blocks = self._blocks(block.blocks)
        self._depth -= 1
        self._style = style
        return blocks

    @override
    def visit_code(self, block: Code) -> str:
        return _paragraph(run(block.text), "Code", self._indent())

    @override
    def visit_table(self, block: Table) -> str:
        visual = "<w:bidiVisual/>" if block.direction == "rtl" else ""
        look = '<w:tblLook w:firstRow="1" w:firstColumn="0" w:noHBand="1" w:noVBand="1"/>'
        properties = f'<w:tblStyle w:val="ReportTable"/>{visual}<w:tblW w:w="5000" w:type="pct"/>{look}'
        grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in _widths(block))
        head = self._row(tuple(map(bold, block.head)), block, "<w:cantSplit/><w:tblHeader/>")
        rows = "".join(self._row(row, block, "<w:cantSplit/>") for row in block.rows)
        table = f"<w:tbl><w:tblPr>{properties}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{head}{rows}</w:tbl>"
        if self._may_turn and self._depth == 0 and len(block.head) > _WIDE:
            return f"{_section_end(_PORTRAIT)}{table}{_section_end(_ACROSS)}"
        # Two tables with nothing between them would be one.
        return f'{table}<w:p><w:pPr><w:spacing w:after="0"/></w:pPr></w:p>'

    def _row(self, cells: tuple[Spans, ...], table: Table, properties: str) -> str:
        columns = zip(cells, table.alignments, _widths(table), strict=True)
        row = "".join(self._cell(cell, table, where, width) for cell, where, width in columns)
        return f"<w:tr><w:trPr>{properties}</w:trPr>{row}</w:tr>"

    def _cell(self, spans: Spans, table: Table, alignment: str, width: int) -> str:
        size = next((size for most, size in _SIZES if len(table.head) <= most), _SMALLEST)
        runs = self._builder.runs(spans, table.direction, size)
        paragraph = _paragraph(runs, "TableText", f'<w:jc w:val="{_SIDES[alignment]}"/>', direction=table.direction)
        return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{paragraph}</w:tc>'

    @override
    def visit_divider(self, block: Divider) -> str:
        border = '<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="1" w:color="CFD6DD"/></w:pBdr>'
        return f"<w:p><w:pPr>{border}</w:pPr></w:p>"

    @override
    def visit_entries(self, block: Entries) -> str:
        return "".join(map(self._entry, block.entries))

    def _entry(self, entry: Entry) -> str:
        marker = internal_link(f"ref-{entry.id}", run(entry.marker, LINK_COLOR))
        first, rest = entry.blocks[:1], entry.blocks[1:]
        text = ""
        if first and isinstance(first[0], Paragraph):
            text = self._builder.runs(first[0].spans, first[0].direction)
        content = f"{self._builder.bookmark(entry.id, marker)}{run(' ')}{text}"
        return _paragraph(content) + self._blocks(rest if text else entry.blocks)


def _paragraph(content: str, style: str = "", layout: str = "", *, direction: Direction = "ltr") -> str:
    """Return a paragraph; `layout` is its numbering, its indent or its alignment."""
    name = f'<w:pStyle w:val="{style}"/>' if style else ""
    bidi = "<w:bidi/>" if direction == "rtl" else ""
    # The order of the schema.
    properties = name + (layout + bidi if layout.startswith("<w:numPr>") else bidi + layout)
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{content}</w:p>"


def _widths(table: Table) -> tuple[int, ...]:
    """Return the widths of columns, in twentieths of a point: room for the longest cell, within limits."""
    columns = zip(table.head, *table.rows, strict=True)
    weights = [min(max(9, *(len(plain_text(cell)) + 3 for cell in column)), 45) for column in columns]
    return tuple(_TEXT_WIDTH * weight // sum(weights) for weight in weights)


def _field_mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _section_end(page_size: str) -> str:
    return f"<w:p><w:pPr><w:sectPr>{page_size}{_MARGINS}</w:sectPr></w:pPr></w:p>"
