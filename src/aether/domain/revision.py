"""Revision of a report: what its checks found, and what became of the sections that were written again."""

import msgspec

from aether.domain.finding import Finding
from aether.domain.report import Section


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the checks found in the sections as they were first written.

    Attributes:
        findings: the faults, of which some ask for a rewrite.
        rewrites: the positions of the sections that are written again, the worst first.
        languages: the language of each section, as a code; None where it is not certain.
        detector: what told the languages.
    """

    findings: tuple[Finding, ...] = ()
    rewrites: tuple[int, ...] = ()
    languages: tuple[str | None, ...] = ()
    detector: str = ""

    def findings_of(self, position: int) -> tuple[Finding, ...]:
        """Return the faults of the section at this position."""
        return tuple(finding for finding in self.findings if finding.section == position)


class Rewrite(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a section that was written again.

    Attributes:
        section: the new section if it replaces the old one.
        weight_before: the weighted faults of the old text.
        weight_after: those of the new text, if there is one.
        findings: the faults of the new text, if it is kept.
        error: why there is no new text.
        language: that of the new text, as a code, if it is kept and its language is certain.
    """

    section: Section | None = None
    weight_before: float = 0.0
    weight_after: float | None = None
    findings: tuple[Finding, ...] = ()
    error: str = ""
    language: str | None = None
