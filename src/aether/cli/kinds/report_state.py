"""Report state: a report job as the server shows it, and what has happened to it since an earlier version."""

from collections import Counter
from collections.abc import Iterator
from typing import Self

import msgspec

from aether.cli.kinds.base import BaseJobState, Step
from aether.cli.output.markdown import one_line
from aether.cli.output.progress_events import ProgressEvent, StepFinished, counted, word_count

_ACTIONS = {"stripped": "removed", "rewritten": "mended by a rewrite", "reported": "left"}
"""What became of a fault, in the order in which it is told."""


class GlossaryEntry(msgspec.Struct, frozen=True):
    """A term and its definition."""

    term: str
    definition: str


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """A report, as far as it is written; `sections` maps headings of the outline to texts."""

    topic: str
    outline: tuple[str, ...] = ()
    sections: dict[str, str] = {}
    summary: str = ""
    conclusion: str = ""
    key_points: tuple[str, ...] = ()
    glossary: tuple[GlossaryEntry, ...] = ()


class QualityIssue(msgspec.Struct, frozen=True):
    """A fault that the server's checks found, and what became of it."""

    code: str
    action: str


class Quality(msgspec.Struct, frozen=True):
    """What the checks found."""

    issues: tuple[QualityIssue, ...] = ()

    @property
    def summary(self) -> str:
        """How many faults had which end, and of which checks they are; "" if there are none."""
        found = (self._faults(action, words) for action, words in _ACTIONS.items())
        return "; ".join(filter(None, found))

    def _faults(self, action: str, words: str) -> str:
        codes = Counter(one_line(issue.code) for issue in self.issues if issue.action == action)
        listed = ", ".join(f"{code} {times}×" if times > 1 else code for code, times in codes.items())
        return f"{codes.total()} {words} ({listed})" if codes else ""


class ReportState(BaseJobState, frozen=True, rename="camel"):
    """A report job at one of its versions."""

    report: Report | None = None
    partial: Report | None = None
    quality: Quality = Quality()

    @property
    def written(self) -> Report:
        """The report as far as it is written."""
        return self.report or self.partial or Report("")

    @property
    def current_work(self) -> str:
        """What the job is doing once a worker has begun it."""
        if not self.written.outline:
            return "writing the outline"
        if later := next((step for step in self.steps if step.status == "running" and _is_later(step)), None):
            return f"rewriting {later.title}" if later.name.startswith("rewrite:") else f"writing the {later.title}"
        return f"{len(self.written.sections)} of {counted(len(self.written.outline), 'section')}"

    @property
    def completed_work(self) -> str:
        """How many of the sections were finished."""
        done, planned = len(self.written.sections), len(self.written.outline)
        return f"{done} of {planned} sections were finished" if planned else "the outline was not written yet"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return the failed attempts, the outline, sections in the order of the outline, and at the end the quality."""
        yield from self.failures_since(previous)
        old, new = previous.written if previous else Report(""), self.written
        if new.outline and not old.outline:
            yield StepFinished("outline", counted(len(new.outline), "section"))
        for number, title in enumerate(new.outline, start=1):
            text, before = new.sections.get(title), old.sections.get(title)
            if text is not None and text != before:
                label = f"section {number}/{len(new.outline)}" + (" rewritten" if before is not None else "")
                yield StepFinished(label, word_count(text), title, text)
        if self.outcome == "succeeded" and self.quality.summary and not (previous and previous.outcome):
            yield StepFinished("quality", self.quality.summary)


def _is_later(step: Step) -> bool:
    return step.name.startswith(("rewrite:", "derived:"))
