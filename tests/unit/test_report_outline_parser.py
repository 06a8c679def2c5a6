# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.report import MAX_SECTIONS, Outline, OutlineItem
from aether.errors import UnusableOutputError
from aether.workflows.report.outline_parser import parse_outline

PLAN = {"sections": [{"title": "Origins", "covers": "How it began."}, {"title": "Fall", "covers": "How it ended."}]}
STRICT = json.dumps(PLAN)
ITEMS = (OutlineItem("Origins", "How it began."), OutlineItem("Fall", "How it ended."))
BARE = (OutlineItem("Origins"), OutlineItem("Fall"))
LONG = "how the city grew out of seven hills, a ford of the river and a good deal of salt"
EAST = (OutlineItem("起源"), OutlineItem("衰落"))
DESCRIBED = (OutlineItem("Origins", LONG), OutlineItem("Fall", LONG))

JSON_ANSWERS = {
    "strict": (STRICT, ITEMS),
    "indented": (json.dumps(PLAN, indent=4), ITEMS),
    "fenced": (f"```json\n{STRICT}\n```", ITEMS),
    "fenced without a word": (f"```\n{STRICT}\n```", ITEMS),
    "among prose": (f"Sure! Here is the outline [as you asked] {{in JSON}}:\n\n{STRICT}\n\nI hope it helps!", ITEMS),
    "after a first thought": (f'Perhaps {{"sections": []}}? No: {STRICT}', ITEMS),
    "strings under a key": ('{"outline": ["Origins", "Fall"]}', BARE),
    "only strings": ('["Origins", "Fall"]', BARE),
    "only objects": (json.dumps(PLAN["sections"]), ITEMS),
    "pairs": ('[["Origins", "How it began."], ["Fall", "How it ended."]]', ITEMS),
    "title as key": ('[{"Origins": "How it began."}, {"Fall": "How it ended."}]', ITEMS),
    "other keys": (
        '{"chapters": [{"Heading": "Origins", "Description": "How it began."}, {"name": "Fall", "brief": ""}]}',
        (ITEMS[0], BARE[1]),
    ),
    "a number as section": ('[{"section": 1, "title": "Origins"}, {"section": 2, "title": "Fall"}]', BARE),
    "nested": (f'{{"report": {{"title": "Rome", "outline": {STRICT}}}}}', ITEMS),
    "lists before the one": (f'{{"title": "Rome", "keywords": ["war", "law"], {STRICT[1:]}', ITEMS),
    "titled report": ('{"title": "Rome", "sections": ["Origins", "Fall"]}', BARE),
    "sections with points": (
        '{"sections": [{"title": "Origins", "points": ["a", "b"]}, {"title": "Fall", "points": ["c"]}]}',
        BARE,
    ),
    "last brace missing": (STRICT[:-1], ITEMS),
    "trailing commas": ('{"sections": [{"title": "Origins", "covers": "How it began.",}, {"title": "Fall"},]}', None),
    "line breaks inside": ('{"sections": [{"title": "Origins", "covers": "How it\nbegan."}]}', (ITEMS[0],)),
    "numbered": ('["I. Origins", "II. Fall"]', BARE),
    "numbered in Chinese": ('["一、起源", "二、衰落"]', EAST),
    "numbered in German": ('{"sections": [{"title": "Kapitel 1: Origins"}, {"title": "Kapitel 2: Fall"}]}', BARE),
    "numbered in words": ('["Chapter 1: Origins", "Chapter 2: Fall"]', BARE),
    "marked up": ('["**Origins**", "## Fall"]', BARE),
    "blank titles": ('["", "Origins", " ", "Fall", "**"]', BARE),
    "no titles, then a list": ('[""]\n1. Origins\n2. Fall', BARE),
    "titles with descriptions": (f'["Origins: {LONG}", "Fall – {LONG}"]', DESCRIBED),
    "short subtitles": ('["Rome: From Village to Empire"]', (OutlineItem("Rome: From Village to Empire"),)),
    "other scripts": ('["起源", "Падение", "Ἀρχή 🏛"]', tuple(map(OutlineItem, ("起源", "Падение", "Ἀρχή 🏛")))),
    "escapes": (r'["\u00dcber", "C\u0000D\u001b[1m"]', (OutlineItem("Über"), OutlineItem("C D [1m"))),
}
LIST_ANSWERS = {
    "digits": ("1. Origins\n2. Fall", BARE),
    "parentheses": ("1) Origins\n(2) Fall", BARE),
    "roman": ("I. Origins\nII. Fall", BARE),
    "small roman": ("i. Origins\nii. Fall", BARE),
    "letters": ("A. Origins\nB. Fall", BARE),
    "bullets": ("- Origins\n- Fall", BARE),
    "other bullets": ("• Origins\n• Fall", BARE),
    "headings": ("## Origins\n\n## Fall", BARE),
    "words": ("Section 1: Origins\nSection 2: Fall", BARE),
    "bold": ("**1. Origins**\n\n**2. Fall**", BARE),
    "prose around": ("Sure! Here it is:\n\n1. Origins\n2. Fall\n\nShall I go on?", BARE),
    "windows": ("1. Origins\r\n2. Fall\r\n", BARE),
    "a heading above": ("# Outline of a report\n\n1. Origins\n2. Fall", BARE),
    "headings under a heading": ("# The Roman Empire\n## 1. Origins\n## 2. Fall", BARE),
    "details below numbers": ("1. Origins\n- Kings\n- Hills\n2. Fall\n- Goths", BARE),
    "details below bullets": ("- Origins\n  - Kings\n  - Hills\n- Fall\n  - Goths", BARE),
    "numbers below numbers": ("1. Origins\n   1. Kings\n   2. Hills\n2. Fall", BARE),
    "numbers below romans": ("I. Origins\n1. Kings\n2. Hills\nII. Fall\n1. Goths\n2. Huns", BARE),
    "numbers below headings": ("## Origins\n1. Kings\n2. Hills\n## Fall\n1. Goths", BARE),
    "decimals below": ("1. Origins\n1.1 Kings\n2. Fall\n2.1 Goths", BARE),
    "a space before the first": (" 1. Origins\n2. Fall", BARE),
    "titles with descriptions": (f"1. Origins: {LONG}\n2. Fall — {LONG}", DESCRIBED),
    "bold titles with descriptions": ("1. **Origins**: How it began.\n2. **Fall:** How it ended.", ITEMS),
    "Chinese": ("一、起源\n二、衰落", EAST),
    "Chinese chapters": ("第一章 起源\n第二章 衰落", EAST),
    "circled": ("①起源\n②衰落", EAST),
    "fullwidth": ("１．起源\n２．衰落", EAST),
    "Chinese details": ("一、起源\n（一）王政\n（二）共和\n二、衰落\n（一）哥特", EAST),
    "bold Chinese chapters": ("**第一章** 起源\n\n**第二章** 衰落", EAST),
    "German chapters": ("Kapitel 1: Origins\nKapitel 2: Fall", BARE),
    "Russian chapters": ("Глава первая. Origins\nГлава вторая. Fall", BARE),
    "Arabic digits": ("١. Origins\n٢- Fall", BARE),
    "Devanagari digits": ("१. Origins\n२. Fall", BARE),
    "bold numbers": ("**1.** Origins\n**2.** Fall", BARE),
    "prose before chapters": ("Natürlich! Hier ist sie:\n\nKapitel 1 – Origins\nKapitel 2 – Fall", BARE),
    "chapters with descriptions": (f"Kapitel 1: Origins: {LONG}\nKapitel 2: Fall – {LONG}", DESCRIBED),
    "bold chapters with titles": ("- **Chapter 1:** Origins\n- **Chapter 2:** Fall", BARE),
    "broken JSON before": ('{"sections": [{"title": "Ori\n\n1. Origins\n2. Fall', BARE),
}
UNUSABLE = {
    "empty": "",
    "blank": " \n\t\n",
    "refusal": "I'm sorry, but I can't help with that request.",
    "prose": "The Roman Empire began in 27 BC. It fell in 476.",
    "one item in prose": "1. I would need to know more about this.",
    "no list": '{"outline": {"chapters": 2}}',
    "no titles": '[1, 2, null, {"pages": 3}]',
    "cut off in an item": '{"sections": [{"title": "Origins", "covers": "How',
    "cut off between items": '{"sections": [{"title": "Origins"}, {"title": "Fall"},',
    "cut off, with points": '{"sections": [{"title": "Origins", "points": ["a", "b"]}, {"title": "Fall", "poi',
    "one section alone": '{"title": "Origins", "points": ["a", "b"]}',
    "single quotes": "{'sections': [{'title': 'Origins'}, {'title': 'Fall'}]}",
    "error": '{"error": "no such topic"}',
}


@pytest.mark.parametrize(("answer", "items"), JSON_ANSWERS.values(), ids=JSON_ANSWERS)
def test_json_of_many_shapes_is_read(answer: str, items: tuple[OutlineItem, ...] | None) -> None:
    assert (items or (ITEMS[0], BARE[1])) == parse_outline(answer, None).items


@pytest.mark.parametrize(("answer", "items"), LIST_ANSWERS.values(), ids=LIST_ANSWERS)
def test_lists_of_many_shapes_are_read(answer: str, items: tuple[OutlineItem, ...]) -> None:
    assert items == parse_outline(answer, None).items


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_outline_is_unusable(answer: str) -> None:
    with pytest.raises(UnusableOutputError, match="it holds no outline"):
        parse_outline(answer, None)


@pytest.mark.parametrize(
    ("given", "count", "expected"),
    [(3, None, 3), (3, 3, 3), (5, 3, 3), (50, None, MAX_SECTIONS), (50, 4, 4), (2, 1, 1)],
)
@pytest.mark.parametrize("form", ["json", "list"])
def test_more_sections_than_asked_for_are_cut_off(given: int, count: int | None, expected: int, form: str) -> None:
    titles = [f"About {number}" for number in range(given)]
    answer = json.dumps(titles) if form == "json" else "\n".join(f"- {title}" for title in titles)

    outline = parse_outline(answer, count)

    assert titles[:expected] == [item.title for item in outline.items]


@pytest.mark.parametrize(("answer", "has"), [(STRICT, 2), ('["", "Only one", "**"]', 1)])
def test_too_few_sections_are_unusable_and_the_reason_counts_them(answer: str, has: int) -> None:
    with pytest.raises(UnusableOutputError) as caught:
        parse_outline(answer, 3)

    assert caught.value.why == f"it has {has} sections instead of 3"


def test_blank_titles_do_not_take_the_place_of_others() -> None:
    assert len(parse_outline('["", "A and so on", "", "B and so on", "C and so on"]', 3).items) == 3


def test_equal_titles_are_all_kept() -> None:
    outline = parse_outline('["Fall", "Fall", "fall", "Fall"]', 4)

    assert outline.headings == ("I. Fall", "II. Fall (2)", "III. fall", "IV. Fall (3)")


def test_half_a_character_cannot_keep_an_outline_from_being_stored() -> None:
    """JSON may escape one half of a surrogate pair, which UTF-8 has no bytes for."""
    outline = parse_outline(r'[{"title": "Rome \ud83c", "covers": "its \udfdb end"}]', None)

    assert msgspec.json.decode(msgspec.json.encode(outline), type=Outline) == outline
    assert outline.items[0].title == "Rome"


def test_a_title_has_a_bounded_length() -> None:
    assert len(parse_outline(json.dumps(["word " * 100]), None).items[0].title) <= 200


@pytest.mark.parametrize("covers", ["word " * 100, "word " * 4_000_000, "w" * 20_000_000, " " * 1_000_000 + "word"])
def test_a_description_has_a_bounded_length(covers: str) -> None:
    """It stands in the prompts of all sections."""
    [item] = parse_outline(json.dumps([{"title": "Origins", "covers": covers}]), None).items

    assert len(item.covers) <= 502
    assert item.title == "Origins"


def test_of_very_many_sections_only_the_first_are_read() -> None:
    answer = json.dumps([{"title": f"About {at}", "covers": "x"} for at in range(10_000)])

    assert len(parse_outline(answer, None).items) == MAX_SECTIONS


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "{",
        "[{",
        '{"a":',
        '["',
        '["a",',
        "[1,",
        "[[],",
        '"a":[',
        "- ",
        "1.",
        " ",
        "\n ",
        ", ",
        '"',
        "**",
        ": ",
        "#",
    ],
)
def test_an_answer_of_any_size_is_read_in_time(piece: str) -> None:
    """Each bracket may begin a value, and each attempt to read one may go on to the end of the answer."""
    with pytest.raises(UnusableOutputError):
        parse_outline(piece * (200_000 // len(piece)), None)


FRAGMENTS = [
    "[",
    "]",
    "{",
    "}",
    '"',
    ",",
    ":",
    "title",
    "sections",
    "\n",
    " ",
    "- ",
    "1. ",
    "II. ",
    "# ",
    "**",
    "\\ud800",
    "Ж",
]
answers = (
    st.text()
    | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=40).map("".join)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=25)
            | st.dictionaries(st.sampled_from(["title", "sections", "covers", "x"]), inner, max_size=4)
        ),
    ).map(json.dumps)
)


@given(answers, st.none() | st.integers(1, MAX_SECTIONS))
def test_any_answer_is_an_outline_or_unusable(answer: str, count: int | None) -> None:
    try:
        outline = parse_outline(answer, count)
    except UnusableOutputError:
        return

    headings = outline.headings
    assert 1 <= len(headings) <= MAX_SECTIONS
    assert count in (None, len(headings))
    assert len(set(headings)) == len(headings) == len({item.title for item in outline.items})
    assert all(item.title == " ".join(item.title.split()) != "" for item in outline.items)
    assert msgspec.json.decode(msgspec.json.encode(outline), type=Outline) == outline


@given(
    st.lists(st.from_regex(r"\A[A-Z][a-z]{2,9}( [a-z]{3,9}){0,3}\Z"), min_size=2, max_size=MAX_SECTIONS, unique=True)
)
def test_every_form_gives_the_same_titles(titles: list[str]) -> None:
    forms = [
        json.dumps({"sections": [{"title": title, "covers": ""} for title in titles]}),
        json.dumps({"outline": titles}, indent=2),
        "\n".join(f"{at}. {title}" for at, title in enumerate(titles, 1)),
        "\n".join(f"- **{title}**" for title in titles),
        "\n\n".join(f"## {title}" for title in titles),
    ]

    assert [titles] * len(forms) == [[item.title for item in parse_outline(form, None).items] for form in forms]
