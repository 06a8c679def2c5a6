"""Report record: reads what the finished steps of a job have made of its report, at any time."""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple, TypeVar

import msgspec

from aether.domain.derived_section import DerivedSection
from aether.domain.finding import Finding
from aether.domain.job import Job, StepStatus
from aether.domain.report import Outline, Report, Section
from aether.domain.report_request import ReportRequest
from aether.domain.revision import Rewrite, Verdict
from aether.domain.stored_request import stored_request_decoder
from aether.workflows.report.derivation import DERIVED_STEP
from aether.workflows.report.quality.words import count_words
from aether.workflows.report.recipe import outline_of
from aether.workflows.report.revision import kept_sections

T = TypeVar("T")

_stored_request = stored_request_decoder(ReportRequest)
_NO_VERDICT = Verdict()


class Issue(NamedTuple):
    """A fault in the report, and what became of it; `part` is a heading or a derived section, None for the whole."""

    finding: Finding
    part: str | None
    action: Literal["stripped", "rewritten", "reported"]


class ReportRecord:
    """What a job has made so far; before there is an outline, the report has no headings."""

    def __init__(self, job: Job) -> None:
        self._done = {step.name: step.result for step in job.steps if step.status is StepStatus.DONE}
        self.request = _stored_request.decode(job.input)
        self.outline = outline_of(self.request) or self._result("outline", Outline) or Outline(())
        self.headings = self.outline.headings
        positions = range(len(self.headings))
        found = {position: self._result(f"section:{position}", Section) for position in positions}
        self._first = {position: section for position, section in found.items() if section is not None}
        self.verdict = self._result("check", Verdict) or _NO_VERDICT
        rewrites = {position: self._result(f"rewrite:{position}", Rewrite) for position in self.verdict.rewrites}
        self.rewrites = {position: rewrite for position, rewrite in rewrites.items() if rewrite is not None}
        self.sections = self._first | kept_sections(self.rewrites.items())
        derived = {kind: self._result(f"{DERIVED_STEP}{kind}", DerivedSection) for kind in self.request.derived}
        self.derived = {kind: section for kind, section in derived.items() if section is not None}

    @cached_property
    def report(self) -> Report:
        """The report so far."""
        sections = [self.sections.get(position) for position in range(len(self.headings))]
        return Report.assemble(self.request.topic, self.outline, sections, self.derived)

    def is_rewritten(self, position: int) -> bool:
        """Whether the section there is a rewritten one."""
        rewrite = self.rewrites.get(position)
        return rewrite is not None and rewrite.section is not None

    @property
    def words(self) -> dict[str, int]:
        """How many words each finished section has, by its heading."""
        return {self.headings[at]: _words_of(self.sections[at]) for at in sorted(self.sections)}

    @property
    def derived_words(self) -> int:
        """How many words the derived sections have."""
        return sum(map(count_words, (text for section in self.derived.values() for text in _texts_of(section))))

    @property
    def languages(self) -> dict[str, str]:
        """The languages of the sections that are certain, as codes by headings."""
        found = dict(enumerate(self.verdict.languages))
        found |= {at: rewrite.language for at, rewrite in self.rewrites.items() if rewrite.section is not None}
        return {self.headings[at]: language for at, language in sorted(found.items()) if language is not None}

    def issues(self) -> Iterator[Issue]:
        """Return the faults of the sections as they are now, and those that a rewrite has mended."""
        for position in sorted(self.sections):
            yield from self._issues_of(position)
        yield from (Issue(each, None, "reported") for each in self.verdict.findings if each.section is None)
        for kind, section in self.derived.items():
            yield from (_standing(finding, kind) for finding in section.findings)

    def _issues_of(self, position: int) -> Iterator[Issue]:
        heading, found = self.headings[position], self.verdict.findings_of(position)
        if self.is_rewritten(position):
            before, found = found, self.rewrites[position].findings
            left = {finding.code for finding in found}
            yield from (Issue(finding, heading, "rewritten") for finding in before if finding.code not in left)
        for finding in (*self.sections[position].findings, *found):
            yield _standing(finding, heading)

    def _result(self, name: str, returns: type[T]) -> T | None:
        result = self._done.get(name)
        return None if result is None else msgspec.json.decode(result, type=returns)


def _standing(finding: Finding, part: str) -> Issue:
    return Issue(finding, part, "stripped" if finding.is_removed else "reported")


def _words_of(section: Section) -> int:
    return count_words(section.text) if section.words is None else section.words


def _texts_of(section: DerivedSection) -> Iterator[str]:
    yield section.text
    yield from section.points
    for entry in section.entries:
        yield from (entry.term, entry.definition)
