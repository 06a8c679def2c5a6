"""Report request: what a caller asks for, and the sections that a caller has planned."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from aether.domain.derived_section import DerivedKind, EntryTarget, WordTarget
from aether.domain.report import MAX_SECTIONS, TITLE_MARKUP, Outline, OutlineItem
from aether.domain.text_field import text

MAX_TITLE = 200
MAX_COVERS = 500
MAX_SECTION_INSTRUCTIONS = 1_000
"""Characters."""


class Length(StrEnum):
    """Length of each section."""

    BRIEF = "brief"
    STANDARD = "standard"
    DETAILED = "detailed"


class Checks(StrEnum):
    """What the checks of a report do: nothing, tell what they found, or have faulty sections written again, too."""

    OFF = "off"
    REPORT = "report"
    REWRITE = "rewrite"


Title = Annotated[str, text("One heading of the outline.", MAX_TITLE, markup=TITLE_MARKUP)]
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

    def outline_with(self, added: Sequence[OutlineItem] = ()) -> Outline:
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
    """What a caller may wish for, as it is sent and stored; the writer decides what is not set.

    `checks` is set when the request is accepted; a request without it is from a version that has no checks.
    """

    topic: Annotated[str, text("What the report is about.", 300, examples=["The Roman Empire"])]
    sections: SectionCount | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    tone: Tone | UnsetType = UNSET
    audience: Audience | UnsetType = UNSET
    instructions: Instructions | UnsetType = UNSET
    model: Annotated[str, text("The model to write with, instead of the server's own.", 100)] | UnsetType = UNSET
    metadata: Labels | UnsetType = UNSET
    checks: Checks | UnsetType = UNSET


class ReportRequest(ReportWishes, frozen=True, omit_defaults=True):
    """The request for a report, as it is stored with its job.

    `outline` has the titles of planned sections, if the model adds none; versions that do not know `plan` write these.
    `plan` is set only if it says more than the titles. `template` names the version of the template it was made from.
    """

    outline: OutlineTitles | UnsetType = UNSET
    length: Length = Length.STANDARD
    plan: ReportPlan | UnsetType = UNSET
    template: str | UnsetType = UNSET
    summary: WordTarget | bool = False
    conclusion: WordTarget | bool = False
    key_points: EntryTarget | bool = False
    glossary: EntryTarget | bool = False

    @property
    def derived(self) -> tuple[DerivedKind, ...]:
        """The derived sections that are wanted."""
        wanted = {
            DerivedKind.SUMMARY: self.summary,
            DerivedKind.CONCLUSION: self.conclusion,
            DerivedKind.KEY_POINTS: self.key_points,
            DerivedKind.GLOSSARY: self.glossary,
        }
        return tuple(kind for kind, target in wanted.items() if target)

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
