"""Rendering: a manuscript as a file of one of the formats, and the port of what renders outside the event loop."""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import msgspec

from aether import __version__
from aether.documents.composer import compose
from aether.documents.errors import DocumentTooLargeError
from aether.documents.formats import FORMATS, FormatName
from aether.documents.json_writer import write_json
from aether.documents.manuscript import Manuscript
from aether.documents.model import Document

MAX_BYTES = 64 * 1024 * 1024

# Imported when they are first used: each needs other packages.
_WRITERS = {
    "md": ("aether.documents.markdown_writer", "write_markdown"),
    "html": ("aether.documents.html_writer", "write_html"),
    "docx": ("aether.documents.docx_writer", "write_docx"),
    "epub": ("aether.documents.epub_writer", "write_epub"),
    "txt": ("aether.documents.text_writer", "write_text"),
}


class Renderer(Protocol):
    """Renders outside the event loop, within limits of time, memory and size."""

    async def render(self, manuscript: Manuscript, format_name: FormatName) -> bytes:
        """Return the file.

        Raises:
            MissingFontError: no font has a character of the text.
            DocumentTooLargeError: the document exceeds a limit.
            RenderingBusyError: too many documents are being rendered.
        """
        ...


def render(manuscript: Manuscript, format_name: FormatName, fonts: Path | None = None) -> bytes:
    """Return the file; `fonts` is a folder with fonts beside those of the system, for PDF.

    Raises:
        MissingExtraError: the packages that the format needs are not installed.
        MissingFontError: no font has a character of the text.
        DocumentTooLargeError: the document exceeds a limit.
    """
    FORMATS[format_name].check_installed()
    content = _written(manuscript, compose(manuscript), format_name, fonts)
    if len(content) > MAX_BYTES:
        raise DocumentTooLargeError(f"The file has {len(content)} bytes; it may have {MAX_BYTES}.")
    return content


def _written(manuscript: Manuscript, document: Document, format_name: FormatName, fonts: Path | None) -> bytes:
    if format_name == "json":
        return write_json(manuscript, document.language)
    if format_name == "pdf":
        from aether.documents.pdf_writer import write_pdf  # noqa: PLC0415 - as above

        return write_pdf(document, fonts)
    module, function = _WRITERS[format_name]
    write: Callable[[Document], bytes] = getattr(import_module(module), function)
    return write(document)


def digest_of(manuscript: Manuscript, format_name: FormatName) -> str:
    """Return a digest of everything that the file depends on, except for the fonts of the machine."""
    content = msgspec.json.encode((manuscript, format_name, *_versions(format_name)))
    return hashlib.sha256(content).hexdigest()[:32]


@cache
def _versions(format_name: FormatName) -> tuple[str, ...]:
    distribution = {"docx": "python-docx", "pdf": "typst"}.get(format_name, "markdown-it-py")
    try:
        return __version__, version(distribution)
    except PackageNotFoundError:
        return (__version__,)
