"""Ports of the report workflow: the writer."""

from typing import Protocol

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
