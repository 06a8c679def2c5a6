"""HTML writer: a document as one page with its own style sheet, for the screen and for paper."""

from functools import cache
from html import escape
from importlib.resources import files

import nh3

from aether.documents.model import Document
from aether.documents.xhtml import XhtmlBuilder

# Everything is escaped already; what a mistake there would let through ends here.
_ATTRIBUTES = {
    "p": "dir class",
    "h1": "dir",
    "h2": "dir",
    "h3": "dir",
    "h4": "dir",
    "h5": "dir",
    "pre": "dir",
    "table": "dir",
    "ul": "dir class",
    "ol": "dir start class",
    "li": "id",
    "section": "id",
    "nav": "id",
    "div": "class",
    "th": "class",
    "td": "class",
    "a": "id href class",
}
_PLAIN = "main header blockquote code hr thead tbody tr s em strong sup br"
_ALLOWED = {tag: set(names.split()) for tag, names in _ATTRIBUTES.items()}
_TAGS = _ALLOWED.keys() | _PLAIN.split()
_SCHEMES = {"http", "https", "mailto"}
# No script, and nothing from elsewhere, whatever the page contains.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_PAGE = """<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Aether">
<meta name="author" content="{author}">
<meta name="dcterms.created" content="{created}">
<meta name="dcterms.identifier" content="{identifier}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write_html(document: Document) -> bytes:
    """Return the page."""
    builder = XhtmlBuilder(document.direction, lambda anchor, _: f"#{anchor}")
    lead, parts = ("\n".join(map(builder.part, each)) for each in (document.lead, document.parts))
    body = f"<main>\n{header(document)}\n{lead}\n{_contents(document)}\n{parts}\n</main>"
    page = _PAGE.format(
        language=document.language,
        direction=document.direction,
        policy=_POLICY,
        author=escape(document.model or "Aether"),
        created=document.created_at,
        identifier=escape(document.identifier),
        title=escape(document.title),
        style=style_sheet(),
        body=nh3.clean(body, tags=_TAGS, attributes=_ALLOWED, url_schemes=_SCHEMES, link_rel=None),
    )
    return page.encode()


def header(document: Document) -> str:
    """Return the title, who wrote the document, and that it is not complete if it is not."""
    direction = "" if document.title_direction == document.direction else f' dir="{document.title_direction}"'
    notice = f'<p class="notice">{escape(document.notice)}</p>\n' if document.notice else ""
    title = f"<h1{direction}>{escape(document.title)}</h1>"
    return f'<header>\n{title}\n<p class="byline">{escape(document.byline)}</p>\n{notice}</header>'


@cache
def style_sheet() -> str:
    """Return the style sheet of pages and books."""
    return files(__package__).joinpath("style.css").read_text(encoding="utf-8")


def _contents(document: Document) -> str:
    if not document.has_contents:
        return ""
    items = "\n".join(
        f'<li><a href="#{part.id}">{escape(part.heading)}</a></li>' for part in document.parts if part.heading
    )
    return f'<nav id="contents">\n<h2>{escape(document.contents_heading)}</h2>\n<ol>\n{items}\n</ol>\n</nav>'
