"""Every writer: the whole text is in the file, nothing in it is executed, and the same text gives the same bytes."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import get_args
from xml.etree import ElementTree as ET

import docx
import msgspec
import pytest
from pypdf import PdfReader

from aether.documents.composer import compose
from aether.documents.errors import MissingExtraError, MissingFontError
from aether.documents.formats import FORMATS, FormatName, format_of_file
from aether.documents.manuscript import Manuscript
from aether.documents.model import Blocks, Code, Entries, List, Quote, plain_text, spans_of
from aether.documents.pdf_writer import characters_without_font, missing_font
from aether.documents.rendering import digest_of, render
from aether.domain.derived_section import DerivedKind
from tests.hostile_texts import FAMILIES
from tests.manuscripts import HOSTILE, TEXT, manuscript, whole_manuscript

TEXTS: dict[FormatName, Callable[[bytes], str]] = {}
FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)
EVERY_FORMAT = pytest.mark.parametrize("format_name", FORMAT_NAMES)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(content: bytes) -> _Text:
    page = _Text()
    page.feed(content.decode())
    return page


def html_text(content: bytes) -> str:
    return "".join(page_of(content).text)


def docx_text(content: bytes) -> str:
    body = docx.Document(io.BytesIO(content)).element.body
    return "".join(each.text or "" for each in body.iter() if each.tag.endswith("}t"))


def pages_of(content: bytes) -> list[tuple[str, ET.Element]]:
    """Return the parts of a book, each of which has to be well-formed."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [name for name in book.namelist() if name.endswith((".xhtml", ".opf", ".xml"))]
        return [(name, ET.fromstring(book.read(name))) for name in names]  # noqa: S314 - our own


def epub_text(content: bytes) -> str:
    return "".join("".join(root.itertext()) for name, root in pages_of(content) if name.endswith(".xhtml"))


def pdf_text(content: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


TEXTS = {"html": html_text, "docx": docx_text, "epub": epub_text, "pdf": pdf_text, "txt": bytes.decode}


def letters(text: str) -> str:
    """Return what a reader has to find, whatever a format does to spaces, ligatures and marks of lists."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", text))


def texts_of(blocks: Blocks) -> Iterator[str]:
    """Yield each piece of text that is not a marker."""
    for block in blocks:
        match block:
            case Code():
                yield block.text
            case Quote():
                yield from texts_of(block.blocks)
            case List():
                yield from (text for item in block.items for text in texts_of(item.blocks))
            case Entries():
                yield from (text for entry in block.entries for text in texts_of(entry.blocks))
            case _:
                yield from (span.text for span in spans_of((block,)) if not span.target)


def assert_complete(written: Manuscript, format_name: FormatName, content: bytes) -> None:
    text = letters(TEXTS[format_name](content))
    for part in compose(written).all_parts:
        assert letters(part.heading) in text
        for each in texts_of(part.blocks):
            # Heads and feet of pages stand between the words of a PDF.
            pieces = re.findall(r"\w{1,60}", each) if format_name == "pdf" else [each]
            assert all(letters(piece) in text for piece in pieces), each[:200]


@pytest.mark.parametrize("format_name", TEXTS)
def test_the_whole_text_is_in_the_file(format_name: FormatName) -> None:
    assert_complete(whole_manuscript(), format_name, render(whole_manuscript(), format_name))


@pytest.mark.parametrize("format_name", TEXTS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_in_the_file_too(name: str, format_name: FormatName) -> None:
    text = HOSTILE[name]
    written = manuscript(text, "fine", title=text[:300], summary=text[:900], key_points=(text[:300],), model=text[:50])
    assert_complete(written, format_name, render(written, format_name))


@EVERY_FORMAT
def test_the_same_manuscript_gives_the_same_bytes_and_digest(format_name: FormatName) -> None:
    assert render(whole_manuscript(), format_name) == render(whole_manuscript(), format_name)
    assert digest_of(whole_manuscript(), format_name) == digest_of(whole_manuscript(), format_name)
    assert digest_of(manuscript("a"), format_name) != digest_of(manuscript("b"), format_name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_has_no_script_and_no_address_but_those_of_links(name: str) -> None:
    page = page_of(render(manuscript(HOSTILE[name], title=HOSTILE[name][:300]), "html"))

    assert not {"script", "img", "iframe", "object", "link", "form", "svg"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key.startswith("on") or key in {"src", "style"}]
    links = [value or "" for key, value in page.attributes if key == "href"]
    assert all(link.startswith(("#", "https://", "http://", "mailto:")) for link in links)


def test_a_page_has_a_policy_against_scripts_and_rules_for_paper() -> None:
    page = render(whole_manuscript(), "html").decode()

    assert "default-src 'none'" in page
    assert "@media print" in page
    assert '<html lang="en" dir="ltr">' in page


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_reads_as_it_was_meant(name: str) -> None:
    """The Markdown that is written has the text of the document, in blocks of the same forms."""
    document = compose(manuscript(HOSTILE[name]))
    written = render(manuscript(HOSTILE[name]), "md").decode()

    body = re.sub(r"\[\^n\d+\]", "", written.partition("## 1. Section\n\n")[2].partition("\n\n## Notes")[0])
    again = compose(manuscript(body))
    assert letters("".join(texts_of(again.parts[0].blocks))) == letters("".join(texts_of(document.parts[0].blocks)))
    assert [type(block) for block in again.parts[0].blocks] == [type(block) for block in document.parts[0].blocks]


def test_markdown_keeps_an_ordinary_text() -> None:
    written = render(whole_manuscript(), "md").decode()

    text = TEXT.replace("\n[old]", " [old]").partition("\n\n[^1]")[0].replace("[^1]", "[^n1]").replace("[2]", "[^2]")
    text = text.replace("![a map]", "[a map]").replace("|:--|--:|", "|---|--:|")
    assert text in written
    assert "[^2]: Histories [https://example.org/p](https://example.org/p) (2026-11-29)" in written


def test_the_parts_of_a_book_are_well_formed_and_refer_to_each_other() -> None:
    pages = dict(pages_of(render(whole_manuscript(), "epub")))

    anchors = {f"{name.removeprefix('book/')}#{each.get('id')}" for name, root in pages.items() for each in root.iter()}
    links = {each.get("href") or "" for name, root in pages.items() if name.endswith("xhtml") for each in root.iter()}
    assert {link for link in links if "#" in link} <= anchors
    assert "notes.xhtml#note-1" in links


def test_numbers_of_lists_begin_anew_in_a_word_processor() -> None:
    package = docx.Document(io.BytesIO(render(manuscript("1. a\n2. b\n\ntext\n\n1. c\n\ntext\n\n7. d"), "docx")))

    numbering = package.part.numbering_part.element
    starts = [each.get(each.keys()[0]) for each in numbering.iter() if each.tag.endswith("startOverride")]
    assert starts == ["1", "1", "7"]
    styles = [each.style.name for each in package.paragraphs if each.style]
    assert styles[:2] == ["Title", "Subtitle"]
    assert "Heading 1" in styles


def test_a_pdf_has_bookmarks_tags_a_language_and_page_numbers_in_its_contents() -> None:
    reader = PdfReader(io.BytesIO(render(whole_manuscript(), "pdf")))

    outline = [each.title for each in reader.outline if not isinstance(each, list)]
    assert outline == [part.heading for part in compose(whole_manuscript()).all_parts]
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"]  # type: ignore[index]  # an object of PDF
    assert str(catalog["/Lang"]).startswith("en")  # type: ignore[index]  # as above
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Rome", "gpt-4.1-mini")
    assert re.search(r"1\. Section[ .\u2060]+\d", reader.pages[0].extract_text())


SCRIPTS = ("العربية", "עברית מימין", "हिन्दी में", "中文字符", "日本語の文章", "한국어 문장", "😀 👍🏽")


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_is_in_the_pdf_as_text_or_named_as_missing(text: str) -> None:
    """Never as boxes: which of the two depends on the fonts of the machine."""
    try:
        content = render(manuscript(text), "pdf")
    except MissingFontError as error:
        assert "AETHER_FONTS" in str(error)  # noqa: PT017 - one of two outcomes
    else:
        found = unicodedata.normalize("NFKC", pdf_text(content))
        assert set(text.replace(" ", "")) - {"\u200d", "\ufe0f"} <= set(found)


def test_a_character_that_no_font_has_is_named() -> None:
    with pytest.raises(MissingFontError, match=r"unknown character U\+0378"):
        render(manuscript("a \u0378 b"), "pdf")


def test_the_error_names_scripts_fonts_and_the_setting() -> None:
    message = 'the text `"中"` could not be displayed with\nthe text `"\\u{16a0}"` could not be displayed with'

    characters = characters_without_font(message)
    assert characters == ("中", "\u16a0")
    assert str(missing_font(characters)) == (
        "This server has no font for Chinese or Runic (such as 中 U+4E2D \u16a0 U+16A0). Install Noto Serif CJK SC or "
        "Noto Sans Runic there, or put the fonts into the folder that AETHER_FONTS names. Formats other than pdf need "
        "none."
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_no_family_of_texts_breaks_a_writer(name: str) -> None:
    written = manuscript(FAMILIES[name](1_000))
    formats: tuple[FormatName, ...] = ("md", "html", "pdf", "docx")  # the others share their code
    for format_name in formats:
        try:
            assert render(written, format_name)
        except MissingFontError:
            assert format_name == "pdf"


def test_every_format_has_a_row() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES


def test_a_format_is_known_by_the_ending_of_a_file() -> None:
    assert {
        name: found and found.name for name in ("a.PDF", "a.htm", "a.odt", "a") for found in [format_of_file(name)]
    } == {
        "a.PDF": "pdf",
        "a.htm": "html",
        "a.odt": None,
        "a": None,
    }


def test_a_format_whose_package_is_missing_names_the_command() -> None:
    absent = msgspec.structs.replace(FORMATS["pdf"], package="no_such_package")

    with pytest.raises(
        MissingExtraError, match=r"This server cannot write PDF files\. Install the extra `pdf`: .*typst"
    ):
        absent.check_installed()


def test_json_has_the_result_and_what_is_known_about_it() -> None:
    written = manuscript(
        "a",
        content=msgspec.Raw(b'{"topic":"Rome"}'),
        is_complete=False,
        missing=("II. Fall",),
        missing_derived=(DerivedKind.KEY_POINTS,),
    )

    assert msgspec.json.decode(render(written, "json")) == {
        "title": "Rome",
        "jobId": "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11",
        "createdAt": "2026-11-30T12:00:00Z",
        "language": "und",
        "model": None,
        "isComplete": False,
        "missing": ["II. Fall", "Key points"],
        "report": {"topic": "Rome"},
    }


def test_every_part_can_be_empty() -> None:
    for format_name in FORMAT_NAMES:
        assert render(manuscript(is_complete=False), format_name)


def test_plain_text_of_spans() -> None:
    (paragraph,) = compose(manuscript("a **b**")).parts[0].blocks
    assert plain_text(tuple(spans_of((paragraph,)))) == "a b"
