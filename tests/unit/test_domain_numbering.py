# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.numbering import find_number, is_number, without_numbers
from aether.domain.report import Outline, OutlineItem

NUMBERS = {
    "Chinese comma": ("一、", "二、"),
    "Chinese full stop": ("一．", "二．"),
    "Chinese space": ("一 ", "二 "),
    "Chinese colon": ("一：", "二："),
    "Chinese fullwidth comma": ("一，", "二，"),
    "Chinese chapter": ("第一章 ", "第二章 "),
    "Chinese chapter and colon": ("第一章：", "第二章："),
    "Chinese chapter alone": ("第一章", "第二章"),
    "Chinese section": ("第一节 ", "第二节 "),
    "Chinese part": ("第一部分：", "第二部分："),
    "Chinese volume": ("卷一：", "卷二："),
    "Chinese in parentheses": ("（一）", "（二）"),
    "Chinese in brackets": ("【一】", "【二】"),
    "Chinese chapter in brackets": ("【第一章】", "【第二章】"),
    "Chinese formal": ("壹、", "贰、"),
    "Chinese stems": ("甲、", "乙、"),
    "Japanese chapter": ("第1章 ", "第2章 "),
    "Japanese katakana": ("ア．", "イ．"),
    "Japanese dots": ("1・", "2・"),
    "Japanese label": ("パート1：", "パート2："),
    "Korean chapter": ("제1장 ", "제2장 "),
    "Korean chapter without a prefix": ("1장. ", "2장. "),
    "Korean part": ("1부 ", "2부 "),
    "Korean letters": ("가. ", "나. "),
    "digits and a Chinese comma": ("1、", "2、"),
    "fullwidth digits": ("１．", "２．"),
    "fullwidth parentheses": ("（１）", "（２）"),
    "fullwidth letters": ("Ａ．", "Ｂ．"),
    "circled": ("①", "②"),
    "circled and space": ("① ", "② "),
    "negative circled": ("❶ ", "❷ "),
    "parenthesised": ("⑴ ", "⑵ "),
    "with a full stop in it": ("⒈ ", "⒉ "),
    "circled ideographs": ("㊀ ", "㊁ "),
    "keycaps": ("1️⃣ ", "2️⃣ "),
    "Roman characters": ("Ⅰ. ", "Ⅱ. "),
    "Arabic digits": ("١. ", "٢. "),
    "Arabic digits and a dash": ("١- ", "٢- "),
    "Persian digits": ("۱. ", "۲. "),
    "Arabic ordinals": ("أولاً: ", "ثانياً: "),
    "Arabic chapter": ("الفصل الأول: ", "الفصل الثاني: "),
    "Arabic chapter and digits": ("الفصل ١: ", "الفصل ٢: "),
    "Arabic chapter in words alone": ("الفصل الأول ", "الفصل الثاني "),
    "Arabic section": ("القسم 1 – ", "القسم 2 – "),
    "Persian chapter": ("فصل اول: ", "فصل دوم: "),
    "Hebrew letters": ("א. ", "ב. "),
    "Hebrew chapter": ("פרק א: ", "פרק ב: "),
    "Devanagari digits": ("१. ", "२. "),
    "Hindi chapter": ("अध्याय १: ", "अध्याय २: "),
    "Hindi ordinals": ("पहला अध्याय: ", "दूसरा अध्याय: "),
    "Bengali digits": ("১. ", "২. "),
    "Tamil chapter": ("அத்தியாயம் 1: ", "அத்தியாயம் 2: "),
    "Thai chapter": ("บทที่ ๑ ", "บทที่ ๒ "),
    "Greek letters": ("Α. ", "Β. "),
    "Greek chapter": ("Κεφάλαιο 1: ", "Κεφάλαιο 2: "),
    "Cyrillic letters": ("а) ", "б) "),
    "Russian chapter": ("Глава 1. ", "Глава 2. "),
    "Russian chapter in words": ("Глава первая. ", "Глава вторая. "),
    "Russian ordinal first": ("Первая глава: ", "Вторая глава: "),
    "Russian digit and ending": ("1-я часть: ", "2-я часть: "),
    "Ukrainian section": ("Розділ 1. ", "Розділ 2. "),
    "German chapter": ("Kapitel 1: ", "Kapitel 2: "),
    "German chapter and dash": ("Kapitel 1 – ", "Kapitel 2 – "),
    "German chapter alone": ("Kapitel 1 ", "Kapitel 2 "),
    "German chapter in words": ("Erstes Kapitel: ", "Zweites Kapitel: "),
    "German number first": ("1. Kapitel: ", "2. Kapitel: "),
    "German part": ("Teil I: ", "Teil II: "),
    "German abbreviation": ("Kap. 1: ", "Kap. 2: "),
    "paragraph sign": ("§ 1 ", "§ 2 "),
    "paragraph sign and full stop": ("§ 1. ", "§ 2. "),
    "numero sign": ("№ 1. ", "№ 2. "),
    "number abbreviation": ("No. 1: ", "No. 2: "),
    "French chapter": ("Chapitre 1 : ", "Chapitre 2 : "),
    "French chapter in words": ("Chapitre premier : ", "Chapitre deux : "),
    "French ordinal first": ("Première partie : ", "Deuxième partie : "),
    "Spanish chapter": ("Capítulo 1: ", "Capítulo 2: "),
    "Spanish decomposed": ("Capi\u0301tulo 1: ", "Capi\u0301tulo 2: "),
    "Spanish dash": ("1.- ", "2.- "),
    "Portuguese section": ("Seção 1 – ", "Seção 2 – "),
    "Italian chapter": ("Capitolo I. ", "Capitolo II. "),
    "Polish chapter": ("Rozdział 1. ", "Rozdział 2. "),
    "Czech chapter": ("Kapitola 1: ", "Kapitola 2: "),
    "Hungarian chapter": ("1. fejezet: ", "2. fejezet: "),
    "Turkish section": ("Bölüm 1: ", "Bölüm 2: "),
    "Turkish number first": ("1. Bölüm: ", "2. Bölüm: "),
    "Vietnamese chapter": ("Chương 1: ", "Chương 2: "),
    "Indonesian chapter": ("Bab 1: ", "Bab 2: "),
    "Dutch chapter": ("Hoofdstuk 1: ", "Hoofdstuk 2: "),
    "Finnish chapter": ("Luku 1: ", "Luku 2: "),
    "English chapter in words": ("Chapter One: ", "Chapter Two: "),
    "English chapter in words alone": ("Chapter One ", "Chapter Two "),
    "English ordinals": ("First: ", "Second: "),
    "high numbers in words": ("Chapter Fifty: ", "Chapter Sixty: "),
    "a label without a number": ("Section: ", "Section: "),
    "chapters from two on": ("Chapter 2 – ", "Chapter 3 – "),
    "brackets": ("[1] ", "[2] "),
    "bare digits": ("1 ", "2 "),
    "bare Roman": ("I ", "II "),
    "levels": ("1.1 ", "1.2 "),
    "no space": ("1.", "2."),
    "slash": ("1 / ", "2 / "),
    "pipe": ("1 | ", "2 | "),
}
TITLES = {
    "Latin": ("Origins", "The Fall of the City"),
    "Chinese": ("起源", "罗马的衰落"),
    "Japanese": ("ローマの起源", "帝国の衰退"),
    "Russian": ("Начало", "Падение города"),
    "Arabic": ("النشأة", "سقوط المدينة"),
    "Hindi": ("उत्पत्ति", "शहर का पतन"),
}


def titles(*raw_titles: str) -> list[str]:
    return [item.title for item in Outline.of(map(OutlineItem, raw_titles)).items]


def needs_no_space(number: str) -> bool:
    """Whether the number stands right before a Chinese or Japanese title; no Latin title has it so."""
    return not number.endswith(" ") and number not in {"①", "❶", "1."}


CASES = {
    f"{name}, {script}": (numbers, words)
    for name, numbers in NUMBERS.items()
    for script, words in TITLES.items()
    if script != "Latin" or not needs_no_space(numbers[0])
}


@pytest.mark.parametrize(("numbers", "words"), CASES.values(), ids=CASES)
def test_numbers_of_all_scripts_are_removed(numbers: tuple[str, str], words: tuple[str, str]) -> None:
    assert titles(*(number + word for number, word in zip(numbers, words, strict=True))) == list(words)


KEPT = [
    ["I, Claudius"],
    ["I, Claudius", "II, Nero"],
    ["1984 and after"],
    ["1984: A Year"],
    ["2001: A Space Odyssey", "2010: The Year We Make Contact"],
    ["Chapter House Dune"],
    ["7 Wonders"],
    ["7 Wonders", "12 Angry Men"],
    ["24 Hours", "90 Days"],
    ["C. S. Lewis"],
    ["E. coli", "B. subtilis"],
    ["A Brief History", "B Movies"],
    ["I Ching"],
    ["3D Printing", "5G Networks"],
    ["3.14 and Pi", "2.0 Release"],
    ["9/11 and After", "7-Eleven"],
    ["½ Truth", "¼ Lie"],
    ["X-Men", "V for Vendetta"],
    ["Catch-22", "Fahrenheit 451"],
    ["Part-time Work", "Section Control"],
    ["Part of the Problem: Cars", "Part of the Solution: Trains"],
    ["Type 1: Autoimmune", "Type 2: Metabolic"],
    ["Phase 1: Planning", "Phase 2: Building"],
    ["One Hundred Years", "Two Towers"],
    ["Chapter 1", "Chapter 2"],
    ["第一次世界大战", "第二次世界大战"],
    ["第一部电影", "第二部电影"],
    ["一带一路", "二战"],
    ["三国演义", "十月革命"],
    ["五四运动", "3·15晚会"],
    ["二〇二四年", "一九八四"],
    ["Ⅰ型糖尿病", "Ⅱ型糖尿病"],
    ["Глава государства", "Часть речи"],
    ["Teilchen", "Kapitelle"],
    ["الفصل بين السلطات", "الجزء الأكبر"],
    ["20世纪", "21世纪"],
]


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept[0])
def test_words_that_look_like_numbers_stay(kept: list[str]) -> None:
    assert titles(*kept) == kept


@pytest.mark.parametrize(
    ("raw_titles", "expected"),
    [
        (["Intro", "第一章 起源", "第二章 衰落", "End"], ["Intro", "起源", "衰落", "End"]),
        (["Intro", "1. Kings", "2. Consuls", "3. Emperors", "End"], ["Intro", "Kings", "Consuls", "Emperors", "End"]),
        (["Intro", "Kapitel 1: Ursprung", "Kapitel 2: Fall"], ["Intro", "Ursprung", "Fall"]),
        (["Ursprung", "Kapitel 2: Fall"], ["Ursprung", "Fall"]),
        (["Origins", "Chapter 7: Army", "Fall"], ["Origins", "Chapter 7: Army", "Fall"]),
        (["**一、**起源", "**二、**衰落"], ["起源", "衰落"]),
        (["1. “起源”", "2. “衰落”"], ["起源", "衰落"]),
    ],
)
def test_numbers_count_in_their_place_or_in_a_row(raw_titles: list[str], expected: list[str]) -> None:
    assert titles(*raw_titles) == expected


def test_headings_have_one_number() -> None:
    assert Outline.of([OutlineItem("一、起源"), OutlineItem("二、衰落")]).headings == ("I. 起源", "II. 衰落")
    assert Outline.of([OutlineItem("Kapitel 1: Ursprung")]).headings == ("I. Ursprung",)


@pytest.mark.parametrize(
    "text", ["1.", "(1)", "①", "第一章", "Kapitel 1", "Chapter 2 –", "Глава первая", "الفصل الأول", "§ 3", "II"]
)
def test_a_number_alone(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["", "Origins", "Kapitel", "1984", "Part of it", "第二次世界大战"])
def test_what_is_not_only_a_number(text: str) -> None:
    assert not is_number(text)


def test_several_numbers_before_one_title() -> None:
    assert without_numbers("II. 第二章 （一）起源") == [
        "II. 第二章 （一）起源",
        "第二章 （一）起源",
        "（一）起源",
        "起源",
    ]


pieces = st.sampled_from(
    [*(number.strip() for pair in NUMBERS.values() for number in pair), " ", ": ", "、", "Rome", "起源", "-", "(", ")"]
)
any_titles = st.lists(st.lists(pieces, max_size=5).map("".join) | st.text(max_size=20), max_size=8)


@given(any_titles)
def test_headings_used_as_an_outline_give_the_same_headings(raw_titles: list[str]) -> None:
    headings = Outline.of(map(OutlineItem, raw_titles)).headings

    assert headings == Outline.of(map(OutlineItem, headings)).headings


@given(st.text(max_size=60))
def test_a_title_begins_where_its_number_ends(title: str) -> None:
    number = find_number(title)

    assert number is None or 0 < number.end < len(title)
