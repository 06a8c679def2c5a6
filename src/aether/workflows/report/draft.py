"""Draft: a report whose sections are all written, before they are checked and before anything is derived from them."""

from collections.abc import Mapping
from typing import Self

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from aether.domain.report import Outline, Section
from aether.domain.report_request import ReportRequest
from aether.workflows.report.prompts.style import WORDS
from aether.workflows.report.quality.sections import Assignment


class Draft(msgspec.Struct, frozen=True):
    """What was asked for, and what is written."""

    request: ReportRequest
    outline: Outline
    sections: tuple[Section, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of the sections, without numbers."""
        return tuple(item.title for item in self.outline.items)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the sections."""
        return tuple(section.text for section in self.sections)

    def request_for(self, position: int) -> ReportRequest:
        """Return the request as it holds for the section at this position, with its own wishes."""
        return self.request.for_section(position, len(self.sections))

    @property
    def words(self) -> tuple[int, ...]:
        """About how many words each section was to have."""
        return tuple(WORDS[self.request_for(position).length] for position in range(len(self.sections)))

    @property
    def characters(self) -> int:
        """The length of all texts."""
        return sum(map(len, self.texts))

    @property
    def assignment(self) -> Assignment:
        """What the sections were to be."""
        language = None if self.request.language is UNSET else self.request.language
        instructions = "" if self.request.instructions is UNSET else self.request.instructions
        planned, total = self.request.planned, len(self.sections)
        plans = tuple(planned.section_at(position, total) for position in range(total)) if planned else ()
        return Assignment(self.request.topic, self.titles, self.words, language, instructions, plans)

    def with_sections(self, replaced: Mapping[int, Section]) -> Self:
        """Return the draft with other sections at these positions."""
        sections = (replaced.get(position, section) for position, section in enumerate(self.sections))
        return replace(self, sections=tuple(sections))
