"""Report records: the outline, the sections, and how they form one report."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.domain.derived_section import DerivedKind, DerivedSection, GlossaryEntry
from aether.domain.finding import Finding
from aether.domain.numbering import numbers_of
from aether.domain.plain_text import is_blank, visible_part

MAX_SECTIONS = 20


TITLE_MARKUP = '#*_`"“”+•-'
"""Characters of which a title must not consist alone, as in a regex character class."""


class OutlineItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A planned section: its title without a number, and what it covers, so that other sections do not repeat it."""

    title: str
    covers: str = ""


class Outline(msgspec.Struct, frozen=True):
    """The planned sections of a report, in order; create one with `of`, which cleans the titles."""

    items: tuple[OutlineItem, ...]

    @classmethod
    def of(cls, items: Iterable[OutlineItem]) -> Self:
        """Clean items from a person or a model: remove numbers and markup from titles, and make them unique."""
        cleaned = ((_remove_markup(item.title), " ".join(item.covers.split())) for item in items)
        kept = [(title, covers) for title, covers in cleaned if title]
        titles = _make_unique(_remove_numbers([title for title, _ in kept]))
        return cls(tuple(OutlineItem(title, covers) for title, (_, covers) in zip(titles, kept, strict=True)))

    @property
    def headings(self) -> tuple[str, ...]:
        """The unique titles with Roman numerals: `("I. Origins", "II. Fall")`."""
        return tuple(f"{roman(at)}. {item.title}" for at, item in enumerate(self.items, start=1))


class Section(msgspec.Struct, frozen=True, omit_defaults=True):
    """The text of one section: Markdown without its heading.

    `findings` tell what was removed from it; `words` is None if another version has not counted them.
    """

    text: str
    findings: tuple[Finding, ...] = ()
    words: int | None = None


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """A complete or partial report: `sections` maps headings to texts, in outline order."""

    topic: str
    outline: tuple[str, ...]
    sections: dict[str, str]
    summary: Annotated[str, Meta(description="What the sections say, in short.")] | UnsetType = UNSET
    conclusion: Annotated[str, Meta(description="What follows from the sections.")] | UnsetType = UNSET
    key_points: Annotated[tuple[str, ...], Meta(description="The main statements of the sections.")] | UnsetType = UNSET
    glossary: Annotated[tuple[GlossaryEntry, ...], Meta(description="Terms of the sections.")] | UnsetType = UNSET

    @classmethod
    def assemble(
        cls,
        topic: str,
        outline: Outline,
        sections: Sequence[Section | None],
        derived: Mapping[DerivedKind, DerivedSection] | None = None,
    ) -> Self:
        """Combine headings and sections; a missing section (None) is left out, but its heading stays in the outline."""
        written = zip(outline.headings, sections, strict=True)
        texts = {heading: part.text for heading, part in written if part is not None}
        parts = ((derived or {}).get(kind, DerivedSection()) for kind in DerivedKind)
        summary, conclusion, key_points, glossary = parts
        return cls(
            topic,
            outline.headings,
            texts,
            summary.text or UNSET,
            conclusion.text or UNSET,
            key_points.points or UNSET,
            glossary.entries or UNSET,
        )


_NUMERALS = ((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
_LEADING_MARK = re.compile(r"^(?:#{1,6}|[-*+•])\s+")
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|`)(?=\S)(.+?)(?<=\S)\1")
_QUOTED = re.compile(r'"([^"]+)"|“([^“”]+)”')


@cache
def roman(number: int) -> str:
    """Return a number from 1 to 89 as a Roman numeral."""
    digits = []
    for value, numeral in _NUMERALS:
        times, number = divmod(number, value)
        digits.append(numeral * times)
    return "".join(digits)


def _remove_markup(title: str) -> str:
    """Remove markup; a character that is not paired is text, as in "C#" or "A*"."""
    stripped = _EMPHASIS.sub(r"\2", _LEADING_MARK.sub("", " ".join(visible_part(title).split())))
    if quoted := _QUOTED.fullmatch(stripped):
        stripped = quoted[1] or quoted[2]
    if is_blank(stripped, TITLE_MARKUP):
        return ""
    return stripped if stripped == title else _remove_markup(stripped)


def _remove_numbers(titles: list[str]) -> list[str]:
    return [
        (_remove_markup(title[number.end :]) if number else title) or title
        for title, number in zip(titles, numbers_of(titles), strict=True)
    ]


def _make_unique(titles: list[str]) -> list[str]:
    """Add a suffix to repeated titles: "Fall", "Fall (2)"."""
    seen: Counter[str] = Counter()
    taken = set(titles)
    return [_with_suffix(title, seen, taken) for title in titles]


def _with_suffix(title: str, seen: Counter[str], taken: set[str]) -> str:
    seen[title] += 1
    if seen[title] == 1:
        return title
    while (candidate := f"{title} ({seen[title]})") in taken:
        seen[title] += 1
    taken.add(candidate)
    return candidate
