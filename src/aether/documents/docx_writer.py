"""DOCX writer: a document for word processors, with styles of headings, numbered lists, tables and a contents field."""

import io
import zipfile
from datetime import datetime
from typing import Any

import docx
from docx.document import Document as DocxDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from aether.documents.docx_body import INDENT, MAX_LEVEL, DocxBody
from aether.documents.docx_runs import RunBuilder
from aether.documents.docx_styles import set_styles
from aether.documents.model import Document

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_PROPERTY = 255  # characters, as Word has it


def write_docx(document: Document) -> bytes:
    """Return the file; the same document gives the same bytes."""
    package = docx.Document()
    set_styles(package, document)
    _set_properties(package, document)
    numbering = _Numbering(package)
    builder = RunBuilder(lambda url: str(package.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)))
    content = DocxBody(builder, numbering.new_list).document(document)
    body = parse_xml(f"<w:body {nsdecls('w', 'r')}>{content}</w:body>")
    target = package.element.body
    last = target[-1]  # the properties of the last section
    for element in body:
        last.addprevious(element)
    return _repeatable(package)


class _Numbering:
    """The definitions of lists; each list has its own, so that its numbers begin anew."""

    def __init__(self, package: DocxDocument) -> None:
        self._root: Any = package.part.numbering_part.element  # Any: an element of lxml, which has no types here
        for element in list(self._root):
            self._root.remove(element)
        self._root.append(_levels(0, "bullet"))
        self._root.append(_levels(1, "decimal"))
        self._next = 1

    def new_list(self, start: int | None, level: int) -> int:
        """Define a list whose first number is `start`, or one with bullets."""
        number, self._next = self._next, self._next + 1
        first = f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{start}"/></w:lvlOverride>'
        override = "" if start is None else first
        definition = f'<w:abstractNumId w:val="{0 if start is None else 1}"/>{override}'
        self._root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="{number}">{definition}</w:num>'))
        return number


def _levels(number: int, form: str) -> Any:  # Any: as above
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{"•–·"[level % 3] if form == "bullet" else f"%{level + 1}."}"/><w:lvlJc w:val="left"/>'
        f'<w:pPr><w:ind w:left="{(level + 1) * INDENT}" w:hanging="{INDENT}"/></w:pPr></w:lvl>'
        for level in range(MAX_LEVEL + 1)
    )
    kind = '<w:multiLevelType w:val="hybridMultilevel"/>'
    return parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{number}">{kind}{levels}</w:abstractNum>')


def _set_properties(package: DocxDocument, document: Document) -> None:
    created = datetime.fromisoformat(document.created_at)
    properties = package.core_properties
    properties.title = document.title[:_MAX_PROPERTY]
    properties.author = properties.last_modified_by = (document.model or "Aether")[:_MAX_PROPERTY]
    properties.subject = document.byline[:_MAX_PROPERTY]
    properties.comments = (document.notice or "")[:_MAX_PROPERTY]
    properties.identifier = document.identifier
    properties.language = document.language
    properties.created = properties.modified = created.replace(tzinfo=None)


def _repeatable(package: DocxDocument) -> bytes:
    """Save the package without the time at which it was saved."""
    saved, repeatable = io.BytesIO(), io.BytesIO()
    package.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(repeatable, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, _EPOCH)
            target.writestr(entry, source.read(name), zipfile.ZIP_DEFLATED)
    return repeatable.getvalue()
