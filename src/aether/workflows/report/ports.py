"""Ports of the report workflow: the writer of outline and sections, and the writer of derived sections."""

from collections.abc import Sequence
from typing import Protocol

from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.report import Outline, ReportRequest, Section


class Writer(Protocol):
    """Writes the parts of a report.

    Raises TransientError where another attempt may help and PermanentError where it would not; counts the tokens it
    spends with `aether.durable.token_budget.reserve_tokens`.
    """

    async def write_outline(self, request: ReportRequest) -> Outline:
        """Plan a report: at least one section, and exactly as many as the request says, if it does."""
        ...

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Write the section at this position (from 0) of the outline; its text is never empty."""
        ...

    async def rewrite_section(
        self, request: ReportRequest, outline: Outline, position: int, text: str, faults: Sequence[str]
    ) -> Section:
        """Write a section again, given its text and what is wrong with it, a sentence for each fault."""
        ...

    def estimate_rewrite(
        self, request: ReportRequest, outline: Outline, position: int, text: str, faults: Sequence[str]
    ) -> int:
        """Estimate the tokens that `rewrite_section` takes."""
        ...


class DerivedWriter(Protocol):
    """Writes what is derived from the finished sections of a report; fails and counts tokens as a `Writer` does."""

    async def derive(
        self, request: ReportRequest, outline: Outline, sections: Sequence[Section], kind: DerivedKind
    ) -> DerivedSection:
        """Write one derived section, without numbers and names that do not stand in the sections."""
        ...

    def estimate_derivation(
        self, request: ReportRequest, outline: Outline, sections: Sequence[Section], kind: DerivedKind
    ) -> int:
        """Estimate the tokens that `derive` takes."""
        ...
