import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.plain_text import is_blank
from aether.domain.report import Outline, OutlineItem, Report, Section, roman


def titles(*raw_titles: str) -> list[str]:
    return [item.title for item in Outline.of(OutlineItem(title) for title in raw_titles).items]


@pytest.mark.parametrize(
    ("raw_titles", "expected"),
    [
        (["I. Origins", "II. Fall", "III. Legacy"], ["Origins", "Fall", "Legacy"]),
        (["i) origins", "ii) fall"], ["origins", "fall"]),
        (["1) Origins", "2) Fall"], ["Origins", "Fall"]),
        (["1. Origins", "1. Fall", "1. Legacy"], ["Origins", "Fall", "Legacy"]),
        (["01. Origins", "02. Fall"], ["Origins", "Fall"]),
        (["(1) Origins", "(2) Fall"], ["Origins", "Fall"]),
        (["A. Origins", "B. Fall"], ["Origins", "Fall"]),
        (["3. Origins", "4. Fall"], ["Origins", "Fall"]),
        (["Chapter 1: Origins", "Chapter 2: Fall", "Chapter 3: Legacy"], ["Origins", "Fall", "Legacy"]),
        (["PART I – Origins", "Part II — Fall"], ["Origins", "Fall"]),
        (["**Section 1 - Origins**", "**Section 2 - Fall**"], ["Origins", "Fall"]),
        (["1. **Origins**", "2. **Fall**"], ["Origins", "Fall"]),
        (["**1.** Origins", "**2.** Fall"], ["Origins", "Fall"]),
        (['1. "Origins"', "2. “Fall”"], ["Origins", "Fall"]),
        (["## Origins", "- Fall", "* Legacy"], ["Origins", "Fall", "Legacy"]),
        (["Origins", "2. Fall", "Legacy"], ["Origins", "Fall", "Legacy"]),
        (["  The \n Rise  "], ["The Rise"]),
        (["I. Origins"], ["Origins"]),
    ],
)
def test_numbers_and_markup_are_removed(raw_titles: list[str], expected: list[str]) -> None:
    assert expected == titles(*raw_titles)


@pytest.mark.parametrize(
    "raw_titles",
    [
        ["I, Claudius"],
        ["1984: A Year"],
        ["C. S. Lewis"],
        ["A. A. Milne"],
        ["A. A. Milne", "Legacy"],
        ["J. R. R. Tolkien", "C. S. Lewis", "T. S. Eliot"],
        ["V. Woolf", "I. Calvino", "L. Tolstoy"],
        ["Origins", "7. Army", "Fall"],
        ["300: The Film", "1066: The Year"],
        ["C#", "F#"],
        ["The A* Algorithm", "Beyond A*"],
        ['The Myth of the "Dark Ages"', '"Rise" and "Fall"'],
        ["2 * 3 * 4", "snake_case_names"],
        ["#MeToo"],
        ["1.", "II."],
    ],
)
def test_text_that_only_looks_like_a_number_or_markup_is_kept(raw_titles: list[str]) -> None:
    assert raw_titles == titles(*raw_titles)


@pytest.mark.parametrize(
    ("raw_titles", "expected"),
    [
        (["Fall", "Fall", "Fall"], ["Fall", "Fall (2)", "Fall (3)"]),
        (["Fall", "Fall (2)", "Fall"], ["Fall", "Fall (2)", "Fall (3)"]),
        (["Fall", "Fall", "Fall (2)"], ["Fall", "Fall (3)", "Fall (2)"]),
        (["Fall", "1. Fall", "2. Fall"], ["Fall", "1. Fall", "2. Fall"]),
        (["1. Fall", "2. Fall"], ["Fall", "Fall (2)"]),
    ],
)
def test_repeated_titles_get_a_suffix(raw_titles: list[str], expected: list[str]) -> None:
    assert expected == titles(*raw_titles)


@pytest.mark.parametrize("empty", ["", "  ", "**", "#", '""', "\n\t", " - "])
def test_an_empty_title_is_left_out(empty: str) -> None:
    assert titles(empty, "Origins", empty) == ["Origins"]


def test_the_description_of_a_section_stays_with_its_title() -> None:
    given_items = [OutlineItem(""), OutlineItem("1. Rise", "  The\nkings. "), OutlineItem("2. Fall", "The end.")]

    assert Outline((OutlineItem("Rise", "The kings."), OutlineItem("Fall", "The end."))) == Outline.of(given_items)


# Made of the parts of numbers, markup and suffixes, so that these occur.
fragments = st.sampled_from(
    [
        "I",
        "1",
        "2",
        "A",
        "V",
        ".",
        ")",
        ":",
        " - ",
        " ",
        "*",
        "**",
        "#",
        "_",
        "`",
        '"',
        "“",
        "”",
        "Fall",
        "(2)",
        "Part ",
    ]
)
any_titles = st.lists(st.lists(fragments, max_size=6).map("".join) | st.text(max_size=30), max_size=12)


@given(any_titles)
def test_headings_are_unique_numbered_and_complete(raw_titles: list[str]) -> None:
    outline = Outline.of(map(OutlineItem, raw_titles))

    assert sum(not is_blank(title, '#*_`"“”-+•') for title in raw_titles) <= len(outline.items)
    assert len(outline.items) <= sum(not is_blank(title) for title in raw_titles)
    assert len({item.title for item in outline.items}) == len(set(outline.headings)) == len(outline.items)
    assert [roman(at) for at in range(1, len(outline.items) + 1)] == [h.split(".")[0] for h in outline.headings]


@given(any_titles)
def test_headings_used_as_an_outline_give_the_same_headings(raw_titles: list[str]) -> None:
    headings = Outline.of(map(OutlineItem, raw_titles)).headings

    assert headings == Outline.of(map(OutlineItem, headings)).headings


def test_roman_numerals() -> None:
    numerals = [roman(number) for number in range(1, 90)]

    assert [
        numerals.index(numeral) + 1
        for numeral in ["I", "IV", "IX", "XIV", "XIX", "XL", "XLIX", "L", "LXXXVIII", "LXXXIX"]
    ] == [1, 4, 9, 14, 19, 40, 49, 50, 88, 89]
    form = re.compile(r"L?X{0,3}(IX|IV|V?I{0,3})|XL(IX|IV|V?I{0,3})")
    assert (len(set(numerals)), all(map(form.fullmatch, numerals))) == (89, True)


def test_a_report_keeps_the_outlines_order_and_leaves_out_missing_sections() -> None:
    outline = Outline.of(map(OutlineItem, ["Fall", "Origins", "Fall"]))

    report = Report.assemble("Rome", outline, [Section("Last."), None, Section("Again.")])

    assert (
        Report("Rome", ("I. Fall", "II. Origins", "III. Fall (2)"), {"I. Fall": "Last.", "III. Fall (2)": "Again."})
        == report
    )
    assert list(report.sections) == ["I. Fall", "III. Fall (2)"]


def test_a_report_needs_a_section_or_a_gap_for_every_heading() -> None:
    with pytest.raises(ValueError, match="zip"):
        Report.assemble("Rome", Outline.of([OutlineItem("Fall")]), [])
