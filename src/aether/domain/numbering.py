"""Numbering of titles: recognise and remove the numbers that authors put before them, in many languages."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from aether.domain.numerals import HAN, fold, fold_all, numeral_kind, numeral_values, word_values
from aether.domain.plain_text import is_blank

_MAX_LENGTH = 80  # characters; no number is longer
_MAX_NUMBERS = 3  # before one title, as in "II. Chapter 2: 1) Origins"


class Style(Enum):
    """How certain it is that a number counts the title it stands before."""

    LABELLED = auto()  # "Chapter 1: ", "第一章 ", "(1) ", "① ": nothing else looks like it
    NUMBERED = auto()  # "1. ", "II) ", "一、"
    LETTERED = auto()  # "A. ", "V) ", "First: ": may be an initial or a word
    WORDED = auto()  # "Chapter Fifty: ": a label with words that are not known as numbers
    LOOSE = auto()  # "1 ", "1.1 ", "1.": may be part of the title


class Numbering(NamedTuple):
    """The number before a title: the positions it may stand for, its style, and where the title begins.

    `kind` is what it is written with: its label, or the kind of its digits. The numbers of one list have the same.
    """

    values: frozenset[int]
    style: Style
    kind: str
    end: int


# Words for the parts of a text, as they stand before a number or behind it.
_LABELS = frozenset(
    fold_all(
        "title heading titel überschrift titre título titolo заголовок العنوان 标题 標題 "
        "chapter section part ch sec pt unit lesson module § # no nr num núm n° kapitel kap abschnitt abschn teil "
        "lektion hoofdstuk deel afdeling kapittel avsnitt afsnit del luku osa osio kafli hluti chapitre chap partie "
        "leçon capítulo cap sección parte apartado seção secção capitolo sezione capítol secció capitolul secțiunea "
        "partea rozdział rozdz część sekcja dział kapitola část časť oddíl oddiel sekce sekcia fejezet rész szakasz "
        "poglavlje odjeljak odeljak poglavje oddelek dio deo peatükk skyrius dalis nodaļa daļa bölüm kısım ünite "
        "fəsil bölmə hissə bob qism bab bagian bahagian subbab chương phần mục bài kabanata bahagi seksyon sura "
        "sehemu hoofstuk pennod rhan caibidil kapitulli pjesa kapitulua atala ĉapitro caput pars глава гл раздел "
        "розділ раздзел часть частина частка част секция секція урок поглавље одељак део тарау бөлім бөлүм бүлэг "
        "хэсэг κεφάλαιο κεφ ενότητα μέρος τμήμα الفصل فصل القسم قسم الجزء جزء الباب باب المبحث مبحث المحور الوحدة "
        "بخش قسمت حصہ סעיף פרק חלק שער अध्याय भाग खंड खण्ड अनुभाग पाठ प्रकरण विभाग অধ্যায় অংশ পর্ব ভাগ પ્રકરણ ભાગ "
        "ਅਧਿਆਇ ਭਾਗ அத்தியாயம் பகுதி అధ్యాయం భాగం ಅಧ್ಯಾಯ ಭಾಗ അധ്യായം ഭാഗം පරිච්ඡේදය บทที่ บท ตอนที่ ส่วนที่ หมวดที่ "
        "ภาค ບົດທີ ជំពូកទី အခန်း თავი ნაწილი գլուխ մաս բաժին ምዕራፍ ክፍል 장 절 챕터 섹션 파트 "
        "チャプター セクション パート 章 節 节 "
    ).split()
)
_UNITS = "章|節|节|部分|部|篇|編|编|卷|回|課|课|話|话|講|讲|單元|单元|条|條|項|项|장|절|부|편|과|항|단원"
_NUMERAL = rf"(?P<n>\d{{1,2}}(?!\d)|[ivxl]+(?![^\W_])|[{HAN}]{{1,3}}|[^\W\d_](?![^\W_]))"
_DIGITS = rf"(?P<n>\d{{1,2}}(?!\d)|[{HAN}]{{1,3}})"
_LABEL = r"(?P<label>[^\W\d_]+|[§#]|n°)"
_WORD = r"(?P<word>[^\W\d_]+)"
_OPEN, _CLOSE = r"[(\[{<【〔〈《「]", r"[)\]}>】〕〉》」]"
# A separator, up to the title. Chinese and Japanese ones need no space behind them, nor do others before their letters.
_SEPARATOR = (
    r"(?:(?:\s?[.):،。、·・]{1,2}|[.)]?[-–—―]|\s[-–—―|/])\s+|\s?、\s*|\s?[.):,。·・|/](?=[^\W\d_])(?![ -~]))(?=\S)"
)
_SPACE = r"\s+(?=\S)"

# The first that matches decides.
_FORMS = tuple(
    (re.compile(form), style)
    for form, style in (
        (rf"{_OPEN}?[第제]\s*{_NUMERAL}\s*(?:{_UNITS})(?:{_CLOSE}\s*(?=\S)|{_SEPARATOR}|{_SPACE})", Style.LABELLED),
        (rf"第\s*{_NUMERAL}\s*章(?=[^\W_])", Style.LABELLED),
        (rf"[卷篇章其](?P<n>[{HAN}]{{1,3}})(?:{_SEPARATOR}|{_SPACE})", Style.LABELLED),
        (rf"{_DIGITS}\s*[장절章節节](?:{_SEPARATOR}|{_SPACE})", Style.LABELLED),
        (rf"{_OPEN}?{_LABEL}\.?\s*{_OPEN}?{_NUMERAL}{_CLOSE}?{_SEPARATOR}", Style.LABELLED),
        (rf"{_OPEN}?{_LABEL}\s+{_WORD}{_CLOSE}?{_SEPARATOR}", Style.LABELLED),
        (rf"{_DIGITS}(?:\.|-?[^\W\d_]{{1,3}})?\s*{_LABEL}{_SEPARATOR}", Style.LABELLED),
        (rf"{_WORD}\s+{_LABEL}{_SEPARATOR}", Style.LABELLED),
        (rf"{_LABEL}\.?\s*{_DIGITS}{_SPACE}", Style.NUMBERED),
        (rf"{_LABEL}\.?\s*{_NUMERAL}{_SPACE}", Style.LOOSE),
        (rf"{_LABEL}\s+{_WORD}{_SPACE}", Style.LOOSE),
        (rf"{_DIGITS}[부편]{_SPACE}", Style.LOOSE),
        (rf"{_LABEL}\s+[^\W\d_]+(?:[\s-][^\W\d_]+)?{_SEPARATOR}", Style.WORDED),
        (rf"{_LABEL}{_SEPARATOR}", Style.WORDED),
        (rf"{_OPEN}\s*{_NUMERAL}\s*{_CLOSE}[.:、]?\s*(?=\S)", Style.LABELLED),
        (rf"{_NUMERAL}{_SEPARATOR}", Style.NUMBERED),
        (rf"{_WORD}{_SEPARATOR}", Style.LETTERED),
        (rf"\d{{1,2}}(?:\.(?P<n>\d{{1,2}}))+\.?{_SPACE}", Style.LOOSE),
        (rf"{_NUMERAL}[.):](?=[^\W\d_])", Style.LOOSE),
        (rf"(?P<n>\d{{1,2}}|[ivxl]+|[{HAN}]{{1,3}}){_SPACE}", Style.LOOSE),
    )
)


def find_number(title: str) -> Numbering | None:
    """Find the number before a title; None if it begins with none."""
    return _find(title[:_MAX_LENGTH])


@lru_cache(maxsize=1_024)
def _find(beginning: str) -> Numbering | None:
    text, positions = _fold(beginning)
    for form, style in _FORMS:
        if (found := form.match(text)) and (number := _read(found, style)):
            return number._replace(end=positions[found.end()])
    return None


def _fold(text: str) -> tuple[str, list[int]]:
    """Fold a text; return also where each of the resulting characters comes from."""
    found: list[tuple[str, int]] = []
    for at, character in enumerate(text):
        # An accent that stands alone is the word itself.
        is_alone = not found or found[-1][0].isspace()
        found += [(part, at) for part in fold(character) or (character if is_alone and not is_blank(character) else "")]
    return "".join(part for part, _ in found), [at for _, at in found]


def without_numbers(title: str) -> list[str]:
    """Return the title, then the title without the first number before it, without the first two, and so on."""
    candidates = [title]
    while len(candidates) <= _MAX_NUMBERS and (number := find_number(candidates[-1])):
        candidates.append(candidates[-1][number.end :])
    return candidates


def is_number(text: str) -> bool:
    """Whether the text is nothing but one number as it stands before a title, as in "Chapter 2 –"."""
    text = text.strip()
    number = find_number(f"{text} 一") or find_number(f"{text}: 一")
    return number is not None and number.style is not Style.WORDED and number.end >= len(text) > 0


def numbers_of(titles: Sequence[str]) -> list[Numbering | None]:
    """Return the numbers that count these titles; "I, Claudius" and "1984: A Year" have none.

    A number counts if it stands in its place, if all titles have one, or if several form a row. The less certain its
    style is, the more of the others must agree.
    """
    found = [find_number(title) for title in titles]
    in_place = [number is not None and at in number.values for at, number in enumerate(found, start=1)]
    if len(titles) > 1 and (all(in_place) or {number and number.style for number in found} <= _CERTAIN_TOGETHER):
        return found
    agreed = sum(in_place) > 1 or (len(titles) == 1 and titles[0].startswith("I"))
    in_row = _in_row(found)
    return [
        number if number and (in_row[at] or (in_place[at] and _counts_alone(number, agreed=agreed))) else None
        for at, number in enumerate(found)
    ]


def _read(found: re.Match[str], style: Style) -> Numbering | None:
    groups = found.groupdict()
    label, word, numeral = (groups.get(name) for name in ("label", "word", "n"))
    if label is not None and label not in _LABELS:
        return None
    if word is not None:
        values = word_values(word)
        return Numbering(values, style, label or "word", 0) if values else None
    if numeral is None:
        return Numbering(frozenset(), style, label or "", 0)
    if style is Style.NUMBERED and label is None and _is_letter(numeral):
        style = Style.LETTERED
    kind = numeral_kind(numeral)
    if kind == "han" and found[0].startswith("("):
        kind = "(han)"  # a number in parentheses details one without
    return Numbering(numeral_values(numeral), style, label or kind, 0)


def _is_letter(numeral: str) -> bool:
    return len(numeral) == 1 and numeral.isalpha() and numeral not in HAN


def _counts_alone(number: Numbering, *, agreed: bool) -> bool:
    return number.style in {Style.LABELLED, Style.NUMBERED} or (agreed and number.style is Style.LETTERED)


def _in_row(found: Sequence[Numbering | None]) -> list[bool]:
    """Tell which numbers follow each other, as those of chapters between an introduction and a conclusion do."""
    numbered = [(at, number) for at, number in enumerate(found) if number and _counts_alone(number, agreed=False)]
    follows = all(
        any(value + 1 in later.values for value in number.values) for (_, number), (_, later) in pairwise(numbered)
    )
    labelled = all(number.style is Style.LABELLED for _, number in numbered)
    is_row = follows and len(numbered) >= (_MIN_LABELLED_ROW if labelled else _MIN_ROW)
    places = {at for at, _ in numbered} if is_row else set()
    return [at in places for at in range(len(found))]


_CERTAIN_TOGETHER = {Style.LABELLED, Style.NUMBERED, Style.WORDED}
_MIN_LABELLED_ROW, _MIN_ROW = 2, 3
