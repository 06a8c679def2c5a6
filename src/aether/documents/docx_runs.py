"""DOCX runs: spans of text as WordprocessingML, which is written as text and parsed once."""

from collections.abc import Callable
from xml.sax.saxutils import escape

from aether.documents.direction import has_right_to_left
from aether.documents.model import Direction, Span, Spans

LINK_COLOR = '<w:color w:val="1F4E79"/>'
_CODE_FONT = '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/>'
_MAX_ADDRESS = 2_000  # Word calls a document with a longer one damaged
_BREAKS = {"\n": "<w:br/>", "\t": "<w:tab/>"}


class RunBuilder:
    """Makes runs; `relate` returns the id of the relationship to an address."""

    def __init__(self, relate: Callable[[str], str]) -> None:
        self._relate = relate
        self._cited: set[str] = set()
        self._bookmarks = 0

    def runs(self, spans: Spans, direction: Direction, size: int | None = None) -> str:
        """Return spans in a paragraph of this direction; `size` is in half points."""
        return "".join(self._span(span, direction, size) for span in spans)

    def bookmark(self, name: str, content: str) -> str:
        """Return the content with a name that links can refer to."""
        self._bookmarks += 1
        number = self._bookmarks
        start = f'<w:bookmarkStart w:id="{number}" w:name="{bookmark_name(name)}"/>'
        return f'{start}{content}<w:bookmarkEnd w:id="{number}"/>'

    def _span(self, span: Span, direction: Direction, size: int | None) -> str:
        if span.target:
            return self._reference(span)
        content = run(span.text, run_properties(span, direction, size))
        if not _is_address(span.url):
            return content
        return f'<w:hyperlink r:id="{self._relate(span.url)}" w:history="1">{content}</w:hyperlink>'

    def _reference(self, span: Span) -> str:
        marker = run(span.text, f'{LINK_COLOR}<w:vertAlign w:val="superscript"/>')
        link = internal_link(span.target, marker)
        if span.target in self._cited:
            return link
        self._cited.add(span.target)
        return self.bookmark(f"ref-{span.target}", link)


def internal_link(name: str, content: str) -> str:
    """Return the content as a link to a bookmark."""
    return f'<w:hyperlink w:anchor="{bookmark_name(name)}" w:history="1">{content}</w:hyperlink>'


def bookmark_name(name: str) -> str:
    """Return the name as Word allows it for bookmarks."""
    return name.replace("-", "_")


def run(text: str, properties: str = "") -> str:
    """Return a text with these properties; line feeds and tabs are elements of their own."""
    return f"<w:r>{f'<w:rPr>{properties}</w:rPr>' if properties else ''}{_content(text)}</w:r>"


def _content(text: str) -> str:
    pieces, start = [], 0
    for at, character in enumerate(text):
        if character in _BREAKS:
            pieces += [_text(text[start:at]), _BREAKS[character]]
            start = at + 1
    return "".join([*pieces, _text(text[start:])])


def _text(text: str) -> str:
    return f'<w:t xml:space="preserve">{escape(text)}</w:t>' if text else ""


def run_properties(span: Span, direction: Direction = "ltr", size: int | None = None) -> str:
    """Return the properties of a span, in the order of the schema."""
    is_link = _is_address(span.url)
    is_rtl = has_right_to_left(span.text) or (direction == "rtl" and not any(map(str.isalpha, span.text)))
    properties = (
        (span.code, _CODE_FONT),
        (span.bold, "<w:b/><w:bCs/>"),
        (span.italic, "<w:i/><w:iCs/>"),
        (span.strike, "<w:strike/>"),
        (is_link, LINK_COLOR),
        (size is not None, f'<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'),
        (is_link, '<w:u w:val="single"/>'),
        (is_rtl, "<w:rtl/>"),
    )
    return "".join(markup for is_set, markup in properties if is_set)


def _is_address(url: str) -> bool:
    return 0 < len(url) <= _MAX_ADDRESS and url.isascii() and url.isprintable()
