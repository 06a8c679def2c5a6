"""Report: the `aether report` command, and a report as one Markdown document."""

import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import click
import msgspec

from aether.adapters.openai.model_names import is_small, parameters_of, writes_english_only
from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.kinds.base import BaseJobState, Step
from aether.cli.kinds.outline_file import read_outline
from aether.cli.options import output_option, server_options
from aether.cli.output.delivery import DocumentDelivery
from aether.cli.output.markdown import heading, one_line, passage
from aether.cli.output.progress_events import ProgressEvent, StepFinished, counted, word_count
from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import Checks, Length
from aether.workflows.report.prompts.language import ENGLISH_ONLY, is_not_english

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


def report_document(state: ReportState) -> str:
    """Return the report as Markdown; "" while no section is finished."""
    return to_markdown(state.written) if state.report or state.written.sections else ""


def to_markdown(report: Report) -> str:
    """Return the topic as the title, the summary, each finished section under its heading, and what follows them."""
    written = {title: report.sections[title] for title in report.outline if title in report.sections}
    parts = [f"# {heading(report.topic)}", *_part("Summary", report.summary)]
    for title, text in written.items():
        parts += [f"## {heading(title)}", passage(text)]
    parts += _part("Conclusion", report.conclusion)
    parts += _part("Key points", "\n".join(f"- {heading(point)}" for point in report.key_points))
    glossary = (f"- **{heading(entry.term)}**: {heading(entry.definition)}" for entry in report.glossary)
    parts += _part("Glossary", "\n".join(glossary))
    return "\n\n".join(part for part in parts if part) + "\n"


def _as_variables(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str] | None:
    """Parse variables as in company=ACME; the callback of an option."""
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, separator, _ in pairs if not (name and separator)]:
        raise click.BadParameter(f"{wrong[0]!r} must be a name and a value, as in company=ACME.")
    return {name: value for name, _, value in pairs} or None


def _part(title: str, text: str) -> list[str]:
    return [f"## {title}", passage(text)] if text else []


def _is_later(step: Step) -> bool:
    return step.name.startswith(("rewrite:", "derived:"))


@click.command()
@click.argument("topic")
@click.option("--sections", type=click.IntRange(1, MAX_SECTIONS), help="How many sections to write.")
@click.option("--outline", multiple=True, metavar="HEADING", help="A section to write; repeat it for each one.")
@click.option(
    "--outline-file",
    metavar="FILE",
    help="The sections to write, with what each covers, from JSON or from Markdown with a ## heading for each.",
)
@click.option("--template", metavar="NAME[@VERSION]", help="Write by this template; see `aether templates list`.")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_as_variables,
    help="The value of a variable of the template; repeat it for each one.",
)
@click.option("--language", help="The language to write in.")
@click.option("--tone", help="How it should sound.")
@click.option("--audience", help="For whom it is.")
@click.option(
    "--length", type=click.Choice([length.value for length in Length]), help="How much to write for each section."
)
@click.option(
    "--checks",
    type=click.Choice([checks.value for checks in Checks]),
    help="What is done with faults that are found in sections.",
)
@click.option("--summary", is_flag=True, default=None, help="Write a summary, too.")
@click.option("--conclusion", is_flag=True, default=None, help="Write a conclusion, too.")
@click.option("--key-points", "keyPoints", is_flag=True, default=None, help="Write the key points, too.")
@click.option("--glossary", is_flag=True, default=None, help="Write a glossary, too.")
@click.option("--instructions", help="Anything else to heed.")
@click.option("--model", help="The model to write with, instead of the server's own.")
@output_option("FILE.md", "Write to this file, not to stdout.")
@server_options
def report(
    url: str | None,
    data_dir: Path | None,
    output: Path | None,
    outline_file: str | None,
    **fields: Any,  # Any: JSON values
) -> None:
    """Write a report on TOPIC, as Markdown to stdout.

    The server at --url makes it; without --url the one that `aether serve` runs on this machine, or else a private
    one that ends with this command. Progress is shown on stderr. AETHER_API_KEY is the key to call with, if the server
    asks for one; those on this machine lend their own user theirs.

    Ctrl-C cancels the report. If sections are finished when it fails or is cancelled, they go to FILE.partial.md if
    --output names FILE.md; otherwise you are told where the server keeps them. An existing file is replaced, by a
    whole one only.

    Exit status: 0 written, 1 failed, 2 wrong usage or settings, 130 interrupted and cancelled.
    """
    if outline_file is not None:
        if fields["outline"]:
            raise click.UsageError("--outline and --outline-file cannot be used together.")
        fields["outline"] = read_outline(outline_file)
    sys.exit(run_job(REPORT, REPORT.delivery(output), fields, url, data_dir))


def _cautions(request: dict[str, Any], model: str) -> tuple[str, ...]:  # Any: JSON values
    is_other = writes_english_only(model) and is_not_english(request["topic"], request.get("language"))
    return (f"{ENGLISH_ONLY} Use a larger model for it: OPENAI_BASE_URL, OPENAI_API_KEY",) if is_other else ()


def _model_note(model: str) -> str | None:
    return "it is very small and makes up facts" if is_small(parameters_of(model)) else None


REPORT = JobKind(
    name="report",
    path="/reports",
    id_field="jobId",
    state=ReportState,
    command=report,
    delivery=partial(DocumentDelivery, "report", report_document),
    cautions=_cautions,
    model_note=_model_note,
)
