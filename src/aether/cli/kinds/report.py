"""Report: the `aether report` command, and a report as one Markdown document."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from aether.adapters.openai.model_names import is_small, parameters_of, writes_english_only
from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.kinds.outline_file import read_outline
from aether.cli.kinds.report_state import Report, ReportState
from aether.cli.options import format_option, output_option, server_options
from aether.cli.output.document_delivery import document_delivery
from aether.cli.output.markdown import heading, passage
from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import Checks, Length
from aether.workflows.report.prompts.language import ENGLISH_ONLY, is_not_english


def report_document(state: ReportState) -> str:
    """Return the report as Markdown; "" while no section is finished."""
    return to_markdown(state.written) if state.report or state.written.sections else ""


def to_markdown(report: Report) -> str:
    """Return the topic as the title and the parts that are finished, in the order of the documents of the server."""
    written = {title: report.sections[title] for title in report.outline if title in report.sections}
    parts = [f"# {heading(report.topic)}", *_part("Summary", report.summary)]
    parts += _part("Key points", "\n".join(f"- {heading(point)}" for point in report.key_points))
    for title, text in written.items():
        parts += [f"## {heading(title)}", passage(text)]
    parts += _part("Conclusion", report.conclusion)
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


report_delivery = partial(document_delivery, "report", report_document)


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
@output_option("FILE", "Write to this file, not to stdout; its ending chooses the format.")
@format_option
@server_options
def report(
    url: str | None,
    data_dir: Path | None,
    output: Path | None,
    outline_file: str | None,
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
    if outline_file is not None:
        if fields["outline"]:
            raise click.UsageError("--outline and --outline-file cannot be used together.")
        fields["outline"] = read_outline(outline_file)
    sys.exit(run_job(REPORT, report_delivery(output, format_name), fields, url, data_dir))


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
    delivery=report_delivery,
    cautions=_cautions,
    model_note=_model_note,
    has_documents=True,
)
