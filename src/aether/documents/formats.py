"""Formats of documents: the registry of the writers, and what each of them needs."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal, TypeAlias

import msgspec

from aether.documents.errors import MissingExtraError

FormatName: TypeAlias = Literal["md", "html", "pdf", "docx", "epub", "json", "txt"]


class Format(msgspec.Struct, frozen=True):
    """A format: its media type, how people call it, and the extra and the package that it needs, if any.

    `is_text` tells that a terminal can show it. `endings` are those of file names; the first is for new files.
    """

    name: FormatName
    title: str
    media_type: str
    endings: tuple[str, ...]
    extra: str | None = None
    package: str = ""
    is_text: bool = True

    def check_installed(self) -> None:
        """Check that the packages of the format are installed.

        Raises:
            MissingExtraError: they are not.
        """
        if self.extra and not _is_installed(self.package):
            raise MissingExtraError(self.title, self.extra)


def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


_DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("md", "Markdown", "text/markdown", (".md", ".markdown")),
        Format("html", "HTML", "text/html", (".html", ".htm")),
        Format("pdf", "PDF", "application/pdf", (".pdf",), "pdf", "typst", is_text=False),
        Format("docx", "DOCX", _DOCX_TYPE, (".docx",), "docx", "docx", is_text=False),
        Format("epub", "EPUB", "application/epub+zip", (".epub",), is_text=False),
        Format("json", "JSON", "application/json", (".json",)),
        Format("txt", "plain text", "text/plain", (".txt",)),
    )
}


def format_of_file(name: str) -> Format | None:
    """Return the format that the ending of a file name stands for."""
    found = (each for each in FORMATS.values() if name.lower().endswith(each.endings))
    return next(found, None)
