"""Ports of the report workflow: the writer."""

from collections.abc import Sequence
from typing import Protocol

from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.report import Outline, Section
from aether.domain.report_request import ReportRequest
from aether.workflows.report.draft import Draft


class Writer(Protocol):
    """Writes the parts of a report.

    Raises TransientError where another attempt may help and PermanentError where it would not; counts the tokens it
    spends with `aether.durable.token_budget.reserve_tokens`. The estimates are those of the tokens that a call takes.
    """

    async def write_outline(self, request: ReportRequest) -> Outline:
        """Plan a report: at least one section, and exactly as many as the request says, if it does."""
        ...

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Write the section at this position (from 0) of the outline; its text is never empty."""
        ...

    async def rewrite_section(self, draft: Draft, position: int, faults: Sequence[str]) -> Section:
        """Write the section at this position again, given what is wrong with it; each fault is a sentence."""
        ...

    def estimate_rewrite(self, draft: Draft, position: int, faults: Sequence[str]) -> int:
        """Estimate `rewrite_section`."""
        ...

    async def derive(self, draft: Draft, kind: DerivedKind) -> DerivedSection:
        """Write one derived section, without numbers and names that do not stand in the sections."""
        ...

    def estimate_derivation(self, draft: Draft, kind: DerivedKind) -> int:
        """Estimate `derive`."""
        ...
