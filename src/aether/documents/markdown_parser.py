"""Markdown parser: the text of a section as blocks, in time that grows with its length, whatever it contains.

CommonMark with tables and footnotes. HTML is text. What is nested too deeply is shown at the deepest level there is.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from msgspec.structs import replace

from aether.documents.direction import direction_of
from aether.documents.model import (
    Alignment,
    Block,
    Blocks,
    Code,
    Direction,
    Divider,
    Heading,
    List,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Spans,
    Table,
    bold,
    plain_text,
)
from aether.documents.span_parser import merge, parse_spans

MAX_DEPTH = 8
MAX_COLUMNS = 24
_MAX_HEADING = 3
# Beyond these, the time to parse a text would grow faster than the text.
_MAX_NESTING = 100
_MAX_BRACKETS = 1_000
_MARKER = r"[ \t]*+(?:[>+*-]|\d{1,9}[.)])"
_DEEP_MARKERS = re.compile(rf"^((?:{_MARKER}){{20}}[ \t]*+(?:\d{{1,9}})?)(?=[>+*.)-])", re.MULTILINE)
_DEEP_INDENT = re.compile(rf"^[ \t]{{41,}}+(?={_MARKER})", re.MULTILINE)
_WIDE_TABLE = re.compile(r"^([ \t]*+)(?=(?:[-: \t]*+\|){100,}[-:| \t]*+$)", re.MULTILINE)
_CHECK_BOX = re.compile(r"\[([ xX])\]\s+")


def _markdown(*disabled: str) -> MarkdownIt:
    options = {"html": False, "maxNesting": _MAX_NESTING}
    markdown = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    # Without the rule that moves footnotes to the end, and drops those that nothing refers to.
    return markdown.use(footnote_plugin, inline=False).disable(["footnote_tail", *disabled])


_parser = _markdown()
_parser_without_brackets = _markdown("link", "image", "footnote_ref")


def parse_markdown(text: str, direction: Direction, first_note: int) -> tuple[Blocks, tuple[Blocks, ...]]:
    """Return the blocks of a text, and its footnotes, which are numbered from `first_note` on.

    `direction` is that of the whole document.
    """
    bounded = _WIDE_TABLE.sub(r"\1\\", _DEEP_INDENT.sub(" " * 40, _DEEP_MARKERS.sub(r"\1\\", text)))
    parser = _parser_without_brackets if bounded.count("[") > _MAX_BRACKETS else _parser
    environment: dict[str, Any] = {}  # Any: what the rules of the parser leave for each other
    tokens = parser.parse(bounded, environment)
    cited = environment.get("footnotes", {}).get("list", {})
    numbers = {str(note["label"]): first_note + position for position, note in cited.items()}
    walker = _BlockParser(tokens, direction, numbers)
    blocks = tuple(walker.blocks(0))
    return blocks, tuple(walker.footnotes.get(number, ()) for number in numbers.values())


class _BlockParser:
    """Walks the tokens once."""

    def __init__(self, tokens: list[Token], direction: Direction, numbers: Mapping[str, int]) -> None:
        self._tokens = tokens
        self._direction = direction
        self._numbers = numbers
        self._next = 0
        self._level = 0
        self.footnotes: dict[int, Blocks] = {}

    def blocks(self, depth: int) -> Iterator[Block]:
        """Yield the blocks up to the end of the element that is open."""
        while self._next < len(self._tokens):
            token = self._take()
            if token.nesting < 0:
                return
            yield from self._block(token, depth)

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _block(self, token: Token, depth: int) -> Iterator[Block]:
        match token.type:
            case "paragraph_open":
                if spans := self._spans():
                    yield Paragraph(spans, self._direction_of(spans))
            case "heading_open":
                yield from self._heading(token)
            case "fence" | "code_block":
                yield Code(token.content.rstrip("\n"), token.info.partition(" ")[0])
            case "hr":
                yield Divider()
            case _ if token.nesting > 0:
                yield from self._container(token, depth)

    def _container(self, token: Token, depth: int) -> Iterator[Block]:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                yield from self._list(token, depth)
            case "blockquote_open":
                inner = tuple(self.blocks(depth + 1))
                yield from (Quote(inner),) if depth < MAX_DEPTH else inner
            case "table_open":
                yield from self._table()
            case "footnote_reference_open":
                yield from self._footnote(str(token.meta["label"]), depth)
            case _:
                yield from self.blocks(depth)

    def _footnote(self, label: str, depth: int) -> Iterator[Block]:
        """Keep a footnote for the end; one that nothing refers to is shown where it stands."""
        level, self._level = self._level, 0
        blocks = tuple(self.blocks(depth))
        self._level = level
        if label in self._numbers:
            self.footnotes[self._numbers[label]] = blocks
        else:
            yield from blocks

    def _spans(self) -> Spans:
        """Return the text of a paragraph, a heading or a cell, and go behind its end."""
        spans: Spans = ()
        while (token := self._take()).nesting >= 0:
            if token.type == "inline":
                spans = parse_spans(token.children or (), self._numbers)
        return spans

    def _children(self, end: str) -> Iterator[Token]:
        """Yield the tokens that open a child; the caller has to read each child up to its end."""
        while (token := self._take()).type != end:
            yield token

    def _heading(self, token: Token) -> Iterator[Block]:
        # Sections are below the document's own headings, so theirs begin at 3: that is level 1 here.
        # None is skipped: readers with a screen reader go from level to level.
        level = self._level = min(max(int(token.tag[1]) - 2, 1), _MAX_HEADING, self._level + 1)
        if spans := self._spans():
            yield Heading(level, spans, self._direction_of(spans))

    def _list(self, token: Token, depth: int) -> Iterator[Block]:
        is_ordered = token.type.startswith("ordered")
        items = [_with_check_box(tuple(self.blocks(depth + 1))) for _ in self._children(token.type[:-4] + "close")]
        if depth >= MAX_DEPTH:
            yield from (block for item in items for block in item.blocks)
            return
        is_tight = all(len(item.blocks) <= 1 or not _has_two_paragraphs(item) for item in items)
        start = int(token.attrs.get("start", 1)) if is_ordered else None
        text = " ".join(plain_text(each.spans) for item in items for each in item.blocks if isinstance(each, Paragraph))
        yield List(tuple(items), start, is_tight, direction_of(text, self._direction))

    def _table(self) -> Iterator[Block]:
        rows: list[tuple[Spans, ...]] = []
        alignments: list[Alignment] = []
        while (token := self._take()).type != "table_close":
            if token.type == "tr_open":
                cells = [(each, self._spans()) for each in self._children("tr_close")]
                alignments = alignments or [_alignment(each) for each, _ in cells]
                rows.append(tuple(spans for _, spans in cells))
        head, *body = rows
        text = " ".join(plain_text(cell) for row in rows for cell in row)
        direction = direction_of(text, self._direction)
        if len(head) > MAX_COLUMNS:
            yield from _records(head, body, direction)
        else:
            yield Table(head, tuple(body), tuple(alignments), direction)

    def _direction_of(self, spans: Spans) -> Direction:
        return direction_of(plain_text(spans), self._direction)


def _with_check_box(blocks: Blocks) -> ListItem:
    """Return an item; `[ ]` and `[x]` before its text are a check box."""
    if blocks and isinstance(first := blocks[0], Paragraph) and (found := _CHECK_BOX.match(first.spans[0].text)):
        start = replace(first.spans[0], text=first.spans[0].text[found.end() :])
        rest = replace(first, spans=merge((start, *first.spans[1:])))
        return ListItem((rest, *blocks[1:]), found[1] != " ")
    return ListItem(blocks)


def _has_two_paragraphs(item: ListItem) -> bool:
    return sum(isinstance(block, Paragraph) for block in item.blocks) > 1


def _alignment(cell: Token) -> Alignment:
    match str(cell.attrs.get("style", "")).removeprefix("text-align:"):
        case "center":
            return "center"
        case "right":
            return "end"
        case _:
            return "start"


def _records(head: tuple[Spans, ...], rows: list[tuple[Spans, ...]], direction: Direction) -> Iterator[Block]:
    """Show a table that is too wide for a page as a list for each row; of a table without rows, its head."""
    for row in rows or [((),) * len(head)]:
        cells = ((*bold(name), *_value(cell)) for name, cell in zip(head, row, strict=True))
        items = (ListItem((Paragraph(merge(spans), direction),)) for spans in cells if spans)
        yield List(tuple(items), direction=direction)


def _value(cell: Spans) -> Spans:
    return (Span(": "), *cell) if cell else ()


def parse_line(text: str) -> Spans:
    """Return the spans of one line, in which references to footnotes are text."""
    (token,) = _parser.parseInline(text)
    return parse_spans(token.children or (), {})
