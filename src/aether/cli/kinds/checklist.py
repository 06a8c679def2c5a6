"""Checklist: the `aether checklist` command, and a checklist as Markdown bullets."""

import sys
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

import click
import msgspec

from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.kinds.input_file import read_text
from aether.cli.options import format_option, output_option, server_options
from aether.cli.output.delivery import ResultDelivery
from aether.cli.output.document_delivery import document_delivery
from aether.cli.output.job_state import Outcome, Outcomes, describe_activity, outcome_by_error
from aether.cli.output.markdown import passage, quotation
from aether.cli.output.progress_events import ProgressEvent, StepFinished, counted, word_count
from aether.domain.checklist import MAX_GUIDELINE

_OUTCOMES: Outcomes = {
    "pending": None,
    "running": None,
    "succeeded": "succeeded",
    "failed": "failed",
}


class Item(msgspec.Struct, frozen=True):
    """One thing to check, and the sentence of the guideline that asks for it."""

    text: str
    quote: str


class ChecklistState(msgspec.Struct, frozen=True):
    """A checklist job at one of its versions; `summary` is written first, `checklist` and `items` at the end."""

    status: str
    summary: str | None = None
    checklist: str | None = None
    items: tuple[Item, ...] = ()
    error: str | None = None
    expires_at: datetime | None = None
    waiting_for: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended, if it did."""
        return outcome_by_error(_OUTCOMES, self.status, self.error)

    @property
    def progress(self) -> float:
        """How many of the two steps are done."""
        return ((self.summary is not None) + (self.checklist is not None)) / 2

    @property
    def activity(self) -> str:
        """What the job is doing."""
        work = "summarising the guideline" if self.summary is None else "writing the checklist"
        return describe_activity(_OUTCOMES, self.status, self.waiting_for, work)

    @property
    def completed_work(self) -> str:
        """Whether the summary was finished."""
        return "the summary was finished" if self.summary else "the summary was not written yet"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return the summary, then the checklist."""
        if self.summary is not None and not (previous and previous.summary is not None):
            yield StepFinished("summary", word_count(self.summary), text=self.summary)
        if self.checklist is not None and not (previous and previous.checklist is not None):
            yield StepFinished("checklist", counted(len(self.checklist.splitlines()), "item"))


def checklist_document(state: ChecklistState, *, quotes: bool = False) -> str:
    """Return the bullets, with `quotes` each with its sentence of the guideline; before they exist, the summary."""
    if state.checklist is None:
        return f"{passage(state.summary)}\n" if state.summary else ""
    if quotes and state.items:
        return "".join(f"- {passage(item.text)}\n{quotation(item.quote)}\n" for item in state.items)
    return f"{passage(state.checklist)}\n"


def checklist_delivery(
    output: Path | None, format_name: str | None = None, *, quotes: bool = False
) -> ResultDelivery[ChecklistState]:
    """Return what delivers the checklist to the file or to stdout."""
    return document_delivery("checklist", partial(checklist_document, quotes=quotes), output, format_name)


@click.command()
@click.argument("guideline", metavar="FILE")
@click.option("--quotes", is_flag=True, help="Below each item, quote the words of the guideline that ask for it.")
@output_option("FILE", "Write to this file, not to stdout: .md, .docx or .pdf.")
@format_option
@server_options
def checklist(  # noqa: PLR0913 - the values of the options
    guideline: str,
    url: str | None,
    data_dir: Path | None,
    output: Path | None,
    format_name: str | None,
    *,
    quotes: bool,
) -> None:
    """Turn the guideline in FILE into a checklist.

    It goes to stdout, as Markdown. FILE, or stdin if it is -, is text in UTF-8 of up to 20,000 characters. Who makes
    the checklist, what Ctrl-C does, and the exit status are as for `aether report`; what is finished when it fails or
    is cancelled is the summary. DOCX and PDF always have the quotes, and a box for each item.
    """
    fields = {"input_text": read_text(guideline, MAX_GUIDELINE)}
    sys.exit(run_job(CHECKLIST, checklist_delivery(output, format_name, quotes=quotes), fields, url, data_dir))


CHECKLIST = JobKind(
    name="checklist",
    path="/jobs",
    id_field="event_id",
    state=ChecklistState,
    command=checklist,
    delivery=checklist_delivery,
    has_documents=True,
)
