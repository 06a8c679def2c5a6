"""Report: the `aether report` command, and a report as one Markdown document."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import click
import msgspec

from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.kinds.base import BaseJobState
from aether.cli.options import format_option, output_option, server_options
from aether.cli.output.document_delivery import document_delivery
from aether.cli.output.markdown import heading, passage
from aether.cli.output.progress_events import ProgressEvent, StepFinished, counted, word_count
from aether.domain.report import MAX_SECTIONS, Length


class Report(msgspec.Struct, frozen=True):
    """A report, as far as it is written; `sections` maps headings of the outline to texts."""

    topic: str
    outline: tuple[str, ...] = ()
    sections: dict[str, str] = {}


class ReportState(BaseJobState, frozen=True, rename="camel"):
    """A report job at one of its versions."""

    report: Report | None = None
    partial: Report | None = None

    @property
    def written(self) -> Report:
        """The report as far as it is written."""
        return self.report or self.partial or Report("")

    @property
    def current_work(self) -> str:
        """What the job is doing once a worker has begun it."""
        if not self.written.outline:
            return "writing the outline"
        return f"{len(self.written.sections)} of {counted(len(self.written.outline), 'section')}"

    @property
    def completed_work(self) -> str:
        """How many of the sections were finished."""
        done, planned = len(self.written.sections), len(self.written.outline)
        return f"{done} of {planned} sections were finished" if planned else "the outline was not written yet"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return the failed attempts, then the outline, then sections in the order of the outline."""
        yield from self.failures_since(previous)
        old, new = previous.written if previous else Report(""), self.written
        if new.outline and not old.outline:
            yield StepFinished("outline", counted(len(new.outline), "section"))
        for number, title in enumerate(new.outline, start=1):
            if title in new.sections and title not in old.sections:
                text = new.sections[title]
                yield StepFinished(f"section {number}/{len(new.outline)}", word_count(text), title, text)


def report_document(state: ReportState) -> str:
    """Return the report as Markdown; "" while no section is finished."""
    return to_markdown(state.written) if state.report or state.written.sections else ""


def to_markdown(report: Report) -> str:
    """Return the topic as the title and each finished section under its heading."""
    parts = [f"# {heading(report.topic)}"]
    for title in report.outline:
        if title in report.sections:
            parts += [f"## {heading(title)}", passage(report.sections[title])]
    return "\n\n".join(part for part in parts if part) + "\n"


report_delivery = partial(document_delivery, "report", report_document)


@click.command()
@click.argument("topic")
@click.option("--sections", type=click.IntRange(1, MAX_SECTIONS), help="How many sections to write.")
@click.option("--outline", multiple=True, metavar="HEADING", help="A section to write; repeat it for each one.")
@click.option("--language", help="The language to write in.")
@click.option("--tone", help="How it should sound.")
@click.option("--audience", help="For whom it is.")
@click.option(
    "--length", type=click.Choice([length.value for length in Length]), help="How much to write for each section."
)
@click.option("--instructions", help="Anything else to heed.")
@click.option("--model", help="The model to write with, instead of the server's own.")
@output_option("FILE", "Write to this file, not to stdout; its ending chooses the format.")
@format_option
@server_options
def report(
    url: str | None,
    data_dir: Path | None,
    output: Path | None,
    format_name: str | None,
    **fields: Any,  # Any: JSON values
) -> None:
    """Write a report on TOPIC, as Markdown to stdout.

    With --output, the ending of FILE chooses the format: .md, .html, .pdf, .docx, .epub, .json or .txt.

    The server at --url makes it; without --url the one that `aether serve` runs on this machine, or else a private
    one that ends with this command. Progress is shown on stderr. AETHER_API_KEY is the key to call with, if the server
    asks for one; those on this machine lend their own user theirs.

    Ctrl-C cancels the report. If sections are finished when it fails or is cancelled, they go to FILE.partial.md if
    --output names FILE.md; otherwise you are told where the server keeps them. An existing file is replaced, by a
    whole one only.

    Exit status: 0 written, 1 failed, 2 wrong usage or settings, 130 interrupted and cancelled.
    """
    sys.exit(run_job(REPORT, report_delivery(output, format_name), fields, url, data_dir))


REPORT = JobKind(
    name="report",
    path="/reports",
    id_field="jobId",
    state=ReportState,
    command=report,
    delivery=report_delivery,
    has_documents=True,
)
