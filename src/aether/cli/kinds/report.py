"""A report in the making, and as one Markdown document."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Self

import msgspec

from aether.cli.kinds.base import JobKind, Outcome
from aether.cli.output.markdown import heading, passage
from aether.cli.output.progress_events import AttemptFailure, Finished, ProgressEvent, counted, pause_between, words_of


class Report(msgspec.Struct, frozen=True):
    """A report, or as much of one as is written: `sections` maps headings of the outline to texts."""

    topic: str
    outline: tuple[str, ...] = ()
    sections: dict[str, str] = {}


class Step(msgspec.Struct, frozen=True):
    """A step's name, and the heading it writes if it writes one."""

    name: str
    title: str | None = None


class Attempt(msgspec.Struct, frozen=True, rename="camel"):
    """A try that failed; `next_retry_at` is None if there is no other."""

    step: str
    attempt: int
    at: datetime
    error: str
    next_retry_at: datetime | None = None


class ReportState(msgspec.Struct, frozen=True, rename="camel"):
    """A report at one of its versions."""

    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    progress: float = 0.0
    report: Report | None = None
    partial: Report | None = None
    error: str | None = None
    expires_at: datetime | None = None
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, if it did."""
        match self.status:
            case "pending" | "processing":
                return None
            case "completed":
                return "succeeded"
            case ended:
                return ended

    @property
    def written(self) -> Report:
        """The report as far as it is written."""
        return self.report or self.partial or Report("")

    @property
    def stage(self) -> str:
        """What is going on."""
        if self.status == "pending":
            return "waiting for a worker"
        if not self.written.outline:
            return "writing the outline"
        return f"{len(self.written.sections)} of {counted(len(self.written.outline), 'section')}"

    @property
    def standing(self) -> str:
        """How many of its sections are finished."""
        done, planned = len(self.written.sections), len(self.written.outline)
        return f"{done} of {planned} sections were finished" if planned else "the outline was not written yet"

    def news(self, before: Self | None) -> Iterator[ProgressEvent]:
        """Tell what is new: failures first, then the outline, then sections in its order."""
        known = before.attempts if before else ()
        yield from (self._failed(attempt) for attempt in self.attempts if attempt not in known)
        old, new = before.written if before else Report(""), self.written
        if new.outline and not old.outline:
            yield Finished("outline", counted(len(new.outline), "section"))
        for at, title in enumerate(new.outline, start=1):
            if title in new.sections and title not in old.sections:
                text = new.sections[title]
                yield Finished(f"section {at}/{len(new.outline)}", words_of(text), title, text)

    def _failed(self, failed: Attempt) -> AttemptFailure:
        called = next((step.title for step in self.steps if step.name == failed.step and step.title), failed.step)
        return AttemptFailure(called, failed.attempt, failed.error, pause_between(failed.at, failed.next_retry_at))


class ReportAccepted(msgspec.Struct, frozen=True):
    """The answer to a new report."""

    id: str = msgspec.field(name="jobId")


REPORT = JobKind("report", "/reports", ReportAccepted, ReportState)


def report_document(state: ReportState) -> str:
    """Write the topic as the title and each finished section under its heading; empty while there is none."""
    return to_markdown(state.written) if state.report or state.written.sections else ""


def to_markdown(report: Report) -> str:
    """Write the topic as the title and each section under its heading; headings without a section are left out."""
    parts = [f"# {heading(report.topic)}"]
    for title in report.outline:
        if title in report.sections:
            parts += [f"## {heading(title)}", passage(report.sections[title])]
    return "\n\n".join(part for part in parts if part) + "\n"
