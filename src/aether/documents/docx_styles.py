"""DOCX styles: fonts, sizes and colours of each style of paragraph, the page, and the language."""

from typing import Any

from docx.document import Document as DocxDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from aether.documents.model import Document

_ACCENT = RGBColor(0x1F, 0x4E, 0x79)
_SOFT = RGBColor(0x5B, 0x66, 0x72)
_FONT = "Calibri"
_CODE_FONT = "Consolas"
_HEADINGS = {"Heading 1": (16, 20, 6), "Heading 2": (13, 14, 4), "Heading 3": (11.5, 12, 3), "Heading 4": (11, 10, 3)}
"""The size of each heading, and the space above and below it, in points."""
_NEW = ("Notice", "Code", "Table Text", "toc 1")


def set_styles(package: DocxDocument, document: Document) -> None:
    """Give the styles their appearance."""
    styles = package.styles
    for name in _NEW:
        styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
    _set(styles["Normal"], 11, after=7, line=1.25)
    _set(styles["Title"], 26, _ACCENT, bold=True, after=4)
    _set(styles["Subtitle"], 10.5, _SOFT, after=16)
    for name, (size, before, after) in _HEADINGS.items():
        _set(styles[name], size, _ACCENT, bold=True, before=before, after=after)
    _set(styles["TOC Heading"], 13, _ACCENT, bold=True, before=14, after=4)
    _set(styles["toc 1"], 11, after=2)
    _set(styles["List Paragraph"], 11, after=3, line=1.2)
    _set(styles["Quote"], 11, _SOFT, after=7)
    _set(styles["Table Text"], 9.5, after=0)
    _set(styles["Notice"], 11, after=10)
    _set(styles["Code"], 9, after=7, font=_CODE_FONT)
    _shade(styles["Notice"], "FFF4D6")
    _shade(styles["Code"], "F3F6F9")
    _add_table_style(package)
    _set_language(package, document)
    _set_page(package)


def _set(  # noqa: PLR0913 - the properties of a style
    style: Any,  # Any: python-docx has no types for what styles share
    size: float,
    color: RGBColor | None = None,
    *,
    bold: bool = False,
    before: float = 0,
    after: float = 0,
    line: float | None = None,
    font: str = _FONT,
) -> None:
    properties = style.element.get_or_add_rPr()
    # Space between letters, which the template has in titles, would take the letters of Arabic apart.
    for name in ("w:rFonts", "w:spacing", "w:kern", "w:szCs"):
        for known in properties.findall(qn(name)):
            properties.remove(known)
    fonts = parse_xml(f'<w:rFonts {nsdecls("w")} w:ascii="{font}" w:hAnsi="{font}" w:cs="{font}"/>')
    properties.insert(0, fonts)
    style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
    style.font.cs_bold, style.font.cs_italic = bold, False
    properties.find(qn("w:sz")).addnext(parse_xml(f'<w:szCs {nsdecls("w")} w:val="{round(size * 2)}"/>'))
    if color is not None:
        style.font.color.rgb = color
    spacing = style.paragraph_format
    spacing.space_before, spacing.space_after, spacing.line_spacing = Pt(before), Pt(after), line


def _shade(style: Any, color: str) -> None:  # Any: as above
    properties = style.element.get_or_add_pPr()
    shade = parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{color}"/>')
    properties.insert(0, shade)


def _add_table_style(package: DocxDocument) -> None:
    line = '<w:insideH w:val="single" w:sz="4" w:space="0" w:color="CFD6DD"/>'
    ends = '<w:bottom w:val="single" w:sz="4" w:space="0" w:color="CFD6DD"/>'
    margins = '<w:tblCellMar><w:top w:w="57" w:type="dxa"/><w:bottom w:w="57" w:type="dxa"/></w:tblCellMar>'
    head_border = '<w:tcBorders><w:bottom w:val="single" w:sz="8" w:space="0" w:color="1F4E79"/></w:tcBorders>'
    head = (
        '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/><w:bCs/><w:color w:val="1F4E79"/></w:rPr>'
        f"<w:tcPr>{head_border}</w:tcPr></w:tblStylePr>"
    )
    name = '<w:name w:val="Report Table"/><w:basedOn w:val="TableNormal"/>'
    table = f"<w:tblPr><w:tblBorders>{ends}{line}</w:tblBorders>{margins}</w:tblPr>"
    attributes = 'w:type="table" w:customStyle="1" w:styleId="ReportTable"'
    package.styles.element.append(parse_xml(f"<w:style {nsdecls('w')} {attributes}>{name}{table}{head}</w:style>"))


def _set_language(package: DocxDocument, document: Document) -> None:
    language = "" if document.language == "und" else document.language
    defaults = package.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    for known in defaults.findall(qn("w:lang")):
        defaults.remove(known)
    if language:
        names = f'w:val="{language}" w:eastAsia="{language}" w:bidi="{language}"'
        defaults.append(parse_xml(f"<w:lang {nsdecls('w')} {names}/>"))


def _set_page(package: DocxDocument) -> None:
    section = package.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(23)
    footer = section.footer.paragraphs[0]
    page, pages = (
        f'<w:fldSimple w:instr="{name}"><w:r><w:t>1</w:t></w:r></w:fldSimple>' for name in ("PAGE", "NUMPAGES")
    )
    slash = '<w:r><w:t xml:space="preserve"> / </w:t></w:r>'
    content = f'<w:p {nsdecls("w")}><w:pPr><w:jc w:val="center"/></w:pPr>{page}{slash}{pages}</w:p>'
    footer._p.getparent().replace(footer._p, parse_xml(content))  # noqa: SLF001 - it has no other way to add fields
