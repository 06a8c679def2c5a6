"""Span parser: the inline tokens of markdown-it as spans of text."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec
from markdown_it.token import Token
from msgspec.structs import replace

from aether.documents.model import Span, Spans

_SCHEMES = {"http", "https", "mailto"}
_MARKS = {"strong": "bold", "em": "italic", "s": "strike"}


def parse_spans(tokens: Iterable[Token], footnotes: Mapping[str, int]) -> Spans:
    """Return the text of inline tokens: links only to the web or an address, images as links to them.

    `footnotes` are the numbers of the footnotes by their labels.
    """
    return merge(_SpanParser(footnotes).parse(tokens))


def merge(spans: Iterable[Span]) -> Spans:
    """Join neighbours of the same appearance."""
    merged: list[Span] = []
    for span in spans:
        if merged and not span.target and replace(merged[-1], text="") == replace(span, text=""):
            merged[-1] = replace(span, text=merged[-1].text + span.text)
        elif span.text:
            merged.append(span)
    return tuple(merged)


class _Marks(msgspec.Struct):
    """How many elements of each appearance are open, and the address of the open link."""

    bold: int = 0
    italic: int = 0
    strike: int = 0
    url: str = ""


class _SpanParser:
    def __init__(self, footnotes: Mapping[str, int]) -> None:
        self._footnotes = footnotes
        self._marks = _Marks()

    def parse(self, tokens: Iterable[Token]) -> Iterable[Span]:
        for token in tokens:
            name, _, ending = token.type.rpartition("_")
            if name in _MARKS:
                mark = _MARKS[name]
                setattr(self._marks, mark, getattr(self._marks, mark) + (1 if ending == "open" else -1))
            elif name == "link":
                self._marks.url = web_address(str(token.attrs.get("href", ""))) if ending == "open" else ""
            elif span := self._span(token):
                yield span

    def _span(self, token: Token) -> Span | None:
        match token.type:
            case "softbreak":
                return self._styled(" ")
            case "hardbreak":
                return self._styled("\n")
            case "code_inline":
                return replace(self._styled(token.content), code=True)
            case "image":
                return self._image(token)
            case "footnote_ref":
                number = self._footnotes[str(token.meta["label"])]
                return Span(str(number), target=f"note-{number}")
        return self._styled(token.content) if token.content else None

    def _styled(self, text: str) -> Span:
        marks = self._marks
        return Span(text, marks.bold > 0, marks.italic > 0, marks.strike > 0, url=marks.url)

    def _image(self, token: Token) -> Span:
        address = web_address(str(token.attrs.get("src", "")))
        words = "".join(each.content for each in token.children or ())
        return replace(self._styled(words or address), url=address or self._marks.url)


def web_address(url: str) -> str:
    """Return the address if it is one of the web or of an e-mail; "" otherwise."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    has_target = parts.netloc if parts.scheme in {"http", "https"} else parts.path
    return url if parts.scheme in _SCHEMES and has_target else ""
