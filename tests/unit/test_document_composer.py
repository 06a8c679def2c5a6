import pytest

from aether.documents.composer import MAX_CHARACTERS, compose
from aether.documents.errors import DocumentTooLargeError
from aether.documents.manuscript import CitedSource
from aether.documents.markdown_parser import MAX_COLUMNS, MAX_DEPTH
from aether.documents.model import (
    Block,
    Code,
    Divider,
    Document,
    Entries,
    Heading,
    List,
    Paragraph,
    Quote,
    Span,
    Table,
    plain_text,
)
from aether.domain.derived_section import DerivedKind
from tests.manuscripts import HOSTILE, manuscript, whole_manuscript


def document_of(text: str) -> Document:
    return compose(manuscript(text))


def blocks_of(text: str) -> tuple[Block, ...]:
    return document_of(text).parts[0].blocks


def test_a_document_has_its_parts_in_the_order_of_reading() -> None:
    document = compose(whole_manuscript())

    assert [part.id for part in document.lead] == ["summary", "key-points"]
    assert [part.heading for part in document.parts] == [
        "1. Section",
        "2. Section",
        "Conclusion",
        "Glossary",
        "Notes",
        "Sources",
    ]
    assert document.byline == "Written by gpt-4.1-mini · 2026-11-30"
    assert document.language == "en"


def test_the_blocks_of_markdown() -> None:
    blocks = compose(whole_manuscript()).parts[0].blocks

    forms = [Paragraph, Heading, Table, List, Quote, Code, List, Paragraph, Divider]
    assert [type(block) for block in blocks] == forms
    paragraph = blocks[0]
    assert isinstance(paragraph, Paragraph)
    assert Span("grew", bold=True) in paragraph.spans
    assert Span("nobody", italic=True) in paragraph.spans
    assert Span("Senate", code=True) in paragraph.spans
    assert Span("old", url="https://example.org/senate") in paragraph.spans
    assert [span for span in paragraph.spans if span.target] == [
        Span("1", target="note-1"),
        Span("[2]", target="source-2"),
    ]


def test_footnotes_are_numbered_through_and_only_cited_sources_are_listed() -> None:
    *_, notes, sources = compose(whole_manuscript()).parts

    assert isinstance(notes.blocks[0], Entries)
    assert [(each.id, each.cited_in) for each in notes.blocks[0].entries] == [
        ("note-1", "section-1"),
        ("note-2", "section-2"),
    ]
    assert isinstance(sources.blocks[0], Entries)
    (source,) = sources.blocks[0].entries
    assert (source.id, source.marker, source.cited_in) == ("source-2", "[2]", "section-1")
    assert isinstance(source.blocks[0], Paragraph)
    assert plain_text(source.blocks[0].spans) == "Histories https://example.org/p (2026-11-29)"


def test_a_footnote_that_nothing_refers_to_is_shown_where_it_stands() -> None:
    assert blocks_of("a\n\n[^x]: unused\n") == (Paragraph((Span("a"),)), Paragraph((Span("unused"),)))


def test_markers_of_unknown_sources_and_those_in_code_are_text() -> None:
    text = "a [7] `[2]` b [2]"
    document = compose(manuscript(text, sources=(CitedSource(2, "Two"),)))

    (paragraph,) = document.parts[0].blocks
    assert isinstance(paragraph, Paragraph)
    assert paragraph.spans == (Span("a [7] "), Span("[2]", code=True), Span(" b "), Span("[2]", target="source-2"))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/rel", "//host"])
def test_only_addresses_of_the_web_and_of_mail_are_links(url: str) -> None:
    (paragraph,) = blocks_of(f"[words]({url})")

    assert isinstance(paragraph, Paragraph)
    assert all(not span.url for span in paragraph.spans)
    assert "words" in plain_text(paragraph.spans)


def test_an_image_is_a_link_with_its_alternative_text() -> None:
    assert blocks_of("![a *map*](https://example.org/m.png)") == (
        Paragraph((Span("a map", url="https://example.org/m.png"),)),
    )


def test_html_is_text() -> None:
    assert blocks_of("<b>a</b>\n\n<div>\nb") == (Paragraph((Span("<b>a</b>"),)), Paragraph((Span("<div> b"),)))


def test_no_level_of_headings_is_skipped() -> None:
    levels = [block.level for block in blocks_of("###### a\n\n#### b\n\n##### c\n\n# d") if isinstance(block, Heading)]

    assert levels == [1, 2, 3, 1]


def test_what_is_nested_too_deeply_is_shown_at_the_deepest_level() -> None:
    blocks, depth = blocks_of("> " * 30 + "deep"), 0
    while isinstance(blocks[0], Quote):
        blocks, depth = blocks[0].blocks, depth + 1

    assert depth == MAX_DEPTH
    assert isinstance(blocks[0], Paragraph)
    assert plain_text(blocks[0].spans).endswith("deep")


def test_a_table_that_is_too_wide_for_a_page_becomes_a_list_for_each_row() -> None:
    columns = MAX_COLUMNS + 1
    head = "|".join(f"h{at}" for at in range(columns))
    cells = "|".join(f"c{at}" for at in range(columns))

    (record,) = blocks_of(f"|{head}|\n|{'-|' * columns}\n|{cells}|")

    assert isinstance(record, List)
    assert record.items[0].blocks == (Paragraph((Span("h0", bold=True), Span(": c0"))),)
    assert len(record.items) == columns


def test_check_boxes() -> None:
    (boxes,) = blocks_of("- [ ] open\n- [x] done\n- none")

    assert isinstance(boxes, List)
    assert [item.is_checked for item in boxes.items] == [False, True, None]
    assert boxes.items[0].blocks == (Paragraph((Span("open"),)),)


@pytest.mark.parametrize(
    ("requested", "text", "language", "direction"),
    [
        ("German", "x", "de", "ltr"),
        ("British English", "x", "en", "ltr"),
        ("pt-BR", "x", "pt-BR", "ltr"),
        ("", "Der Senat und das Volk, die in der Stadt von Rom waren.", "de", "ltr"),
        ("", "Le sénat et le peuple de Rome, qui est une ville dans le Latium.", "fr", "ltr"),
        ("", "العربية من اليمين إلى اليسار", "ar", "rtl"),
        ("", "این متن به زبان فارسی است و گزارش را نشان می‌دهد", "fa", "rtl"),
        ("", "הטקסט הזה כתוב בעברית", "he", "rtl"),
        ("", "日本語の文章です。", "ja", "ltr"),
        ("", "中文字符。", "zh", "ltr"),
        ("", "한국어 문장입니다", "ko", "ltr"),
        ("", "Українська мова, її історія та її сучасність", "uk", "ltr"),
        ("", "xyzzy", "und", "ltr"),
    ],
)
def test_language_and_direction(requested: str, text: str, language: str, direction: str) -> None:
    document = compose(manuscript(text, title=text, language=requested, chapters=()))

    assert (document.language, document.direction) == (language, direction)


def test_a_paragraph_has_the_direction_of_most_of_its_words() -> None:
    blocks = blocks_of("HTTP הוא פרוטוקול של הרשת\n\nmostly English עברית here\n\n123")

    assert [block.direction for block in blocks if isinstance(block, Paragraph)] == ["rtl", "ltr", "rtl"]


def test_a_document_that_is_not_complete_says_so_and_what_is_missing() -> None:
    document = compose(
        manuscript("a", is_complete=False, missing=("II. Fall",), missing_derived=tuple(DerivedKind), language="de")
    )

    assert document.notice == (
        "Dieses Dokument ist nicht vollständig. Noch nicht geschrieben: "
        "II. Fall, Zusammenfassung, Fazit, Kernpunkte, Glossar"
    )


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(DocumentTooLargeError, match=str(MAX_CHARACTERS)):
        compose(manuscript("x" * (MAX_CHARACTERS + 1)))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_controls_reach_a_document(name: str) -> None:
    document = repr(compose(manuscript(HOSTILE[name], title=HOSTILE[name][:300])))

    assert not any(control in document for control in ("\\x00", "\\x1b", "\\u202e", "\\u2066", "\\ufffe", "\\ufdd0"))
