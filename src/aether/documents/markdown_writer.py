"""Markdown writer: a document as CommonMark with tables and footnotes, in which nothing but its own marks is markup."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from typing_extensions import override

from aether.documents.block_visitor import BlockVisitor
from aether.documents.markdown_escape import code_fence, code_span, escape_inline, escape_line_start
from aether.documents.markdown_parser import parse_line
from aether.documents.model import (
    Block,
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
    plain_text,
)

_FIRST_LEVEL = 2  # of the headings inside a part, below the part's own
_CHECK_BOXES = {None: "", False: "[ ] ", True: "[x] "}
_ALIGNMENTS = {"start": "---", "center": ":-:", "end": "--:"}


def write_markdown(document: Document) -> bytes:
    """Return the text in UTF-8."""
    return ("\n\n".join(_texts(document)) + "\n").encode()


def _texts(document: Document) -> Iterator[str]:
    visitor = _MarkdownVisitor()
    yield f"# {escape_inline(document.title)}"
    if document.byline:
        yield f"*{escape_inline(document.byline)}*"
    if document.notice:
        yield f"> **{escape_inline(document.notice)}**"
    for part in document.all_parts:
        yield from _part(part, visitor)


def _part(part: Part, visitor: "_MarkdownVisitor") -> Iterator[str]:
    if part.heading:
        yield f"## {_closed(escape_inline(part.heading))}"
    if part.blocks:
        yield visitor.blocks(part.blocks)


def _closed(heading: str) -> str:
    """Escape a last run of `#`, which would not be part of the heading."""
    text = heading.rstrip("#")
    return heading if text == heading else f"{text}\\{heading[len(text) :]}"


class _MarkdownVisitor(BlockVisitor[str]):
    def __init__(self) -> None:
        self._alternates = False

    def blocks(self, blocks: Blocks, gap: str = "\n\n") -> str:
        return gap.join(self._separated(blocks))

    def _separated(self, blocks: Blocks) -> Iterator[str]:
        """Yield each block; lists that follow each other have different marks, or they would be one list."""
        alternates = False
        for previous, block in pairwise((None, *blocks)):
            alternates = _are_alike(previous, block) and not alternates
            self._alternates = alternates
            yield self.visit(block) if block else ""

    @override
    def visit_paragraph(self, block: Paragraph) -> str:
        return "\\\n".join(escape_line_start(line) for line in _marked(block.spans).split("\n"))

    @override
    def visit_heading(self, block: Heading) -> str:
        text = _closed(_marked(block.spans).replace("\n", " "))
        return f"{'#' * (block.level + _FIRST_LEVEL)} {text}"

    @override
    def visit_list(self, block: List) -> str:
        alternates, gap = self._alternates, "\n" if block.is_tight else "\n\n"
        marks = (_mark(block.start, at, alternates) for at in range(len(block.items)))
        return gap.join(self._item(item, mark, gap) for item, mark in zip(block.items, marks, strict=True))

    def _item(self, item: ListItem, mark: str, gap: str) -> str:
        lines = (_CHECK_BOXES[item.is_checked] + self.blocks(item.blocks, gap)).split("\n")
        return "\n".join(_indented(lines, mark, " " * len(mark))).rstrip()

    @override
    def visit_quote(self, block: Quote) -> str:
        return "\n".join(f"> {line}".rstrip() for line in self.blocks(block.blocks).split("\n"))

    @override
    def visit_code(self, block: Code) -> str:
        fence = code_fence(block.text)
        return f"{fence}{block.language.replace('`', '')}\n{block.text}\n{fence}"

    @override
    def visit_table(self, block: Table) -> str:
        rule = "|".join(_ALIGNMENTS[alignment] for alignment in block.alignments)
        return "\n".join([_row(block.head), f"|{rule}|", *map(_row, block.rows)])

    @override
    def visit_divider(self, block: Divider) -> str:
        return "***"

    @override
    def visit_entries(self, block: Entries) -> str:
        return "\n\n".join(map(self._entry, block.entries))

    def _entry(self, entry: Entry) -> str:
        lines = self.blocks(entry.blocks).split("\n")
        return "\n".join(_indented(lines, f"{_reference(entry.id)}: ", "    "))


def _are_alike(previous: Block | None, block: Block | None) -> bool:
    is_pair = isinstance(previous, List) and isinstance(block, List)
    return is_pair and (previous.start is None) == (block.start is None)  # type: ignore[union-attr]  # both are lists


def _mark(start: int | None, at: int, alternates: bool) -> str:  # noqa: FBT001 - of a private function
    if start is None:
        return "* " if alternates else "- "
    return f"{start + at}{')' if alternates else '.'} "


def _indented(lines: Iterable[str], first: str, rest: str) -> Iterator[str]:
    for at, line in enumerate(lines):
        yield (first if at == 0 else rest if line else "") + line


def _row(cells: tuple[Spans, ...]) -> str:
    texts = (_marked(cell, in_table=True).replace("\n", " ") for cell in cells)
    return f"| {' | '.join(texts)} |"


def _reference(entry_id: str) -> str:
    """Return the marker of a footnote; those of sources keep the numbers of the sources."""
    kind, _, number = entry_id.partition("-")
    return f"[^{number}]" if kind == "source" else f"[^n{number}]"


def _marked(spans: Spans, *, in_table: bool = False) -> str:
    """Return the text with its marks; without them where a reader would not take them for marks."""
    marked = "".join(_span(span, in_table=in_table) for span in spans)
    is_plain = all(span == Span(span.text) for span in spans)
    if is_plain or _shown(marked) == "".join(_reference(span.target) if span.target else span.text for span in spans):
        return marked
    return "".join(_reference(span.target) if span.target else escape_inline(span.text) for span in spans)


def _shown(markup: str) -> str:
    """Return the text that a reader shows for a line of Markdown."""
    return plain_text(parse_line(markup.replace("\n", "\\\n").replace("\\|", "|")))


def _span(span: Span, *, in_table: bool) -> str:
    if span.target:
        return _reference(span.target)
    if span.code:
        code = code_span(span.text)
        return code.replace("|", "\\|") if in_table else code
    core = span.text.strip()
    if not core:
        return span.text
    before, _, after = span.text.partition(core)
    text = escape_inline(core)
    for is_set, mark in ((span.strike, "~~"), (span.italic, "*" if not span.bold else "_"), (span.bold, "**")):
        text = f"{mark}{text}{mark}" if is_set else text
    return f"{before}{_link(text, span.url) if span.url else text}{after}"


def _link(text: str, url: str) -> str:
    address = url.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20").replace("\\", "%5C")
    return f"[{text}](<{address}>)" if "(" in address or ")" in address else f"[{text}]({address})"
