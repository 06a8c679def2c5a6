"""EPUB writer: a document as a book for e-readers (EPUB 3), a file for each part."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from aether.documents.html_writer import header, style_sheet
from aether.documents.model import Document, Part
from aether.documents.xhtml import XhtmlBuilder

_EPOCH = (1980, 1, 1, 0, 0, 0)

_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""

_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{language}" \
xml:lang="{language}" dir="{direction}">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>
{body}
</body>
</html>
"""

_PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="{language}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:language>{language}</dc:language>
<dc:creator>{author}</dc:creator>
<dc:date>{date}</dc:date>
<meta property="dcterms:modified">{modified}</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="style" href="style.css" media-type="text/css"/>
{items}
</manifest>
<spine page-progression-direction="{direction}">
{spine}
</spine>
</package>
"""


def write_epub(document: Document) -> bytes:
    """Return the book; the same document gives the same bytes."""
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        # First and not compressed, so that the type can be read without unpacking (OCF, 4.3).
        archive.writestr(zipfile.ZipInfo("mimetype", _EPOCH), "application/epub+zip", zipfile.ZIP_STORED)
        for name, text in _files(document):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return book.getvalue()


def _files(document: Document) -> Iterator[tuple[str, str]]:
    builder = XhtmlBuilder(document.direction, lambda anchor, part: f"{part}.xhtml#{anchor}")
    yield "META-INF/container.xml", _CONTAINER
    yield "book/package.opf", _package(document)
    yield "book/nav.xhtml", _page(document, document.contents_heading, _navigation(document))
    yield "book/style.css", style_sheet()
    yield "book/title.xhtml", _page(document, document.title, header(document))
    for part in document.all_parts:
        yield f"book/{part.id}.xhtml", _page(document, part.heading or document.title, builder.part(part))


def _page(document: Document, title: str, body: str) -> str:
    return _PAGE.format(language=document.language, direction=document.direction, title=escape(title), body=body)


def _package(document: Document) -> str:
    names = ["title", *(part.id for part in document.all_parts)]
    created = datetime.fromisoformat(document.created_at).astimezone(UTC)
    return _PACKAGE.format(
        language=document.language,
        identifier=escape(document.identifier),
        title=escape(document.title),
        author=escape(document.model or "Aether"),
        date=created.date().isoformat(),
        modified=created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        items="\n".join(
            f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name in names
        ),
        spine="\n".join(f'<itemref idref="{name}"/>' for name in names),
        direction=document.direction,
    )


def _navigation(document: Document) -> str:
    links = [("title", document.title), *((part.id, _name(document, part)) for part in document.all_parts)]
    items = "\n".join(f'<li><a href="{name}.xhtml">{escape(heading)}</a></li>' for name, heading in links)
    heading = escape(document.contents_heading)
    return f'<nav epub:type="toc" id="toc">\n<h2>{heading}</h2>\n<ol>\n{items}\n</ol>\n</nav>'


def _name(document: Document, part: Part) -> str:
    return part.heading or document.title
