"""Report records: the request, the outline, the sections, and how they form one report."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Annotated, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from aether.domain.numbering import numbers_of
from aether.domain.plain_text import is_blank, visible_part
from aether.domain.text_field import text

MAX_SECTIONS = 20
MAX_TITLE = 200
MAX_COVERS = 500
MAX_SECTION_INSTRUCTIONS = 1_000
"""Characters."""


class Length(StrEnum):
    """Length of each section."""

    BRIEF = "brief"
    STANDARD = "standard"
    DETAILED = "detailed"


_MARKUP = '#*_`"“”+•-'
Title = Annotated[str, text("One heading of the outline.", MAX_TITLE, markup=_MARKUP)]
OutlineTitles = Annotated[tuple[Title, ...], Meta(min_length=1, max_length=MAX_SECTIONS)]
SectionCount = Annotated[
    int,
    Meta(ge=1, le=MAX_SECTIONS, description="The number of sections; with an `outline`, that of its headings counts."),
]
Covers = Annotated[
    str, text("What the section covers. All sections are written with this in view.", MAX_COVERS, multiline=True)
]
SectionInstructions = Annotated[
    str, text("Further instructions for the model, for this section alone.", MAX_SECTION_INSTRUCTIONS, multiline=True)
]
SectionLength = Annotated[Length, Meta(description="The length of this section, if it is not that of the others.")]
Language = Annotated[str, text("The language to write in, if it is not that of the topic.", 60, examples=["German"])]
Tone = Annotated[str, text("The tone of the text.", 100, examples=["dry and precise"])]
Audience = Annotated[str, text("The readers of the report.", 200, examples=["secondary school"])]
Instructions = Annotated[str, text("Further instructions for the model.", 2_000, multiline=True)]
Labels = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], Annotated[str, Meta(max_length=256)]],
    Meta(max_length=16, description="Labels of the caller's own, which are returned with the job."),
]


class OutlineItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A planned section: its title without a number, and what it covers, so that other sections do not repeat it."""

    title: str
    covers: str = ""


class SectionPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A section that the caller has planned: its title, what it covers, and wishes that hold for it alone."""

    title: Title
    covers: Covers | UnsetType = UNSET
    instructions: SectionInstructions | UnsetType = UNSET
    length: SectionLength | UnsetType = UNSET

    @property
    def item(self) -> OutlineItem:
        """The section as a part of the outline."""
        return OutlineItem(self.title, "" if self.covers is UNSET else self.covers)


class FreeSections(msgspec.Struct, frozen=True):
    """Sections that the model adds to the planned ones, behind the first `after` of these."""

    min: Annotated[int, Meta(ge=1, le=MAX_SECTIONS, description="At least how many sections are added.")]
    max: Annotated[int, Meta(ge=1, le=MAX_SECTIONS, description="At most how many sections are added.")]
    after: Annotated[int, Meta(ge=0, le=MAX_SECTIONS, description="How many of the planned sections come before them.")]


class ReportPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    """The sections that the caller has planned, in order, and those that the model is to add, if any."""

    sections: tuple[SectionPlan, ...]
    free: FreeSections | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of the planned sections."""
        return tuple(section.title for section in self.sections)

    def outline_with(self, added: Sequence[OutlineItem] = ()) -> "Outline":
        """Return the whole outline, with the sections that the model has added."""
        items = [section.item for section in self.sections]
        after = self.free.after if self.free else 0
        return Outline.of([*items[:after], *added, *items[after:]])

    def section_at(self, position: int, total: int) -> SectionPlan | None:
        """Return the planned section at a position of the whole outline; None where the model has added one."""
        after = self.free.after if self.free else 0
        added = total - len(self.sections)
        if position < after:
            return self.sections[position]
        return self.sections[position - added] if position >= after + added else None


class ReportWishes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a caller may wish for, as it is sent and stored; the writer decides what is not set."""

    topic: Annotated[str, text("What the report is about.", 300, examples=["The Roman Empire"])]
    sections: SectionCount | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    tone: Tone | UnsetType = UNSET
    audience: Audience | UnsetType = UNSET
    instructions: Instructions | UnsetType = UNSET
    model: Annotated[str, text("The model to write with, instead of the server's own.", 100)] | UnsetType = UNSET
    metadata: Labels | UnsetType = UNSET


class ReportRequest(ReportWishes, frozen=True, omit_defaults=True):
    """The request for a report, as it is stored with its job.

    `outline` has the titles of planned sections, if the model adds none; versions that do not know `plan` write these.
    `plan` is set only if it says more than the titles. `template` names the version of the template it was made from.
    """

    outline: OutlineTitles | UnsetType = UNSET
    length: Length = Length.STANDARD
    plan: ReportPlan | UnsetType = UNSET
    template: str | UnsetType = UNSET

    @property
    def planned(self) -> ReportPlan | None:
        """The sections that the caller has planned; None if the model plans all of them."""
        if self.plan is not UNSET:
            return self.plan
        return None if self.outline is UNSET else ReportPlan(tuple(map(SectionPlan, self.outline)))

    def for_section(self, position: int, total: int) -> Self:
        """Return the request as it holds for the section at a position of the whole outline, with its own wishes."""
        section = self.planned.section_at(position, total) if self.planned else None
        if section is None:
            return self
        length = self.length if section.length is UNSET else section.length
        given = [each for each in (self.instructions, section.instructions) if each is not UNSET]
        return replace(self, length=length, instructions="\n".join(given) if given else UNSET)


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


class Section(msgspec.Struct, frozen=True):
    """The text of one section: Markdown without its heading."""

    text: str


class Report(msgspec.Struct, frozen=True):
    """A complete or partial report: `sections` maps headings to texts, in outline order."""

    topic: str
    outline: tuple[str, ...]
    sections: dict[str, str]

    @classmethod
    def assemble(cls, topic: str, outline: Outline, sections: Sequence[Section | None]) -> Self:
        """Combine headings and sections; a missing section (None) is left out, but its heading stays in the outline."""
        written = zip(outline.headings, sections, strict=True)
        return cls(topic, outline.headings, {heading: part.text for heading, part in written if part is not None})


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
    if is_blank(stripped, _MARKUP):
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
