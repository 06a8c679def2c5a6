"""`aether report`, `aether checklist`, `aether image`, and `aether watch` for what one of them or others ordered."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import uvloop

from aether.cli.client import run_job as fulfilling
from aether.cli.client.run_job import JobOrder
from aether.cli.kinds.base import StateT
from aether.cli.kinds.checklist import CHECKLIST, ChecklistState, checklist_document
from aether.cli.kinds.image import IMAGE
from aether.cli.kinds.input_file import read_guideline
from aether.cli.kinds.report import REPORT, ReportState, report_document
from aether.cli.options import output_option, server_options, settings_with
from aether.cli.output.delivery import DocumentDelivery, ImageFiles, ImageUrls
from aether.domain.image import MAX_IMAGES
from aether.domain.report import MAX_SECTIONS, Length


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
@output_option("FILE.md", "Write to this file, not to stdout.")
@server_options
def report(url: str | None, data_dir: Path | None, output: Path | None, **wishes: Any) -> None:  # Any: see above
    """Write a report on TOPIC, as Markdown to stdout.

    The server at --url makes it; without --url the one that `aether serve` runs on this machine, or else a private
    one that ends with this command. Progress is shown on stderr. AETHER_API_KEY is the key to call with, if the server
    asks for one; those on this machine lend their own user theirs.

    Ctrl-C cancels the report. If sections are finished when it fails or is cancelled, they go to FILE.partial.md if
    --output names FILE.md; otherwise you are told where the server keeps them. An existing file is replaced, by a
    whole one only.

    Exit status: 0 written, 1 failed, 2 wrong usage or settings, 130 interrupted and cancelled.
    """
    _order(_report_to(output), wishes, url, data_dir)


@click.command()
@click.argument("guideline", metavar="FILE")
@click.option("--quotes", is_flag=True, help="Below each item, quote the words of the guideline that ask for it.")
@output_option("FILE.md", "Write to this file, not to stdout.")
@server_options
def checklist(guideline: str, url: str | None, data_dir: Path | None, output: Path | None, *, quotes: bool) -> None:
    """Turn the guideline in FILE into a checklist.

    It goes to stdout, as Markdown. FILE, or stdin if it is -, is text in UTF-8 of up to 20,000 characters. Who makes
    the checklist, what Ctrl-C does, and the exit status are as for `aether report`; what is finished when it fails or
    is cancelled is the summary.
    """
    _order(_checklist_to(output, quotes=quotes), {"input_text": read_guideline(guideline)}, url, data_dir)


@click.command()
@click.argument("prompt")
@output_option("FILE", "Write to this file; several images go to FILE-1, FILE-2 and so on.", required=True)
@click.option("--count", type=click.IntRange(1, MAX_IMAGES), help="How many images to make. [default 1]")
@click.option("--size", metavar="WIDTHxHEIGHT", help="How large, as far as the image model can. [default: its own]")
@server_options
def image(output: Path, url: str | None, data_dir: Path | None, **wishes: Any) -> None:  # Any: see above
    """Make images of what PROMPT says.

    A FILE without an extension gets that of the image. Existing files are replaced, by whole ones only. Every try that
    fails is shown, with the wait for the next one. Who makes the images, what Ctrl-C does, and the exit status are as
    for `aether report`; the server has to know an image model, see AETHER_IMAGE_MODEL.
    """
    _order(JobOrder(IMAGE, ImageFiles(output)), wishes, url, data_dir)


@click.command()
@click.argument("job_id", type=click.UUID)
@output_option("FILE", "Write what was made to this file, not to stdout.")
@server_options
def watch(job_id: UUID, url: str | None, data_dir: Path | None, output: Path | None) -> None:
    """Watch a job to its end, and hand over what it has made.

    It may be of any kind, and the server may be restarted meanwhile. A report or a checklist goes to stdout as
    Markdown, and of images their addresses, unless --output names a file. Ctrl-C ends the watching, not the job. Who
    is asked for the job is as for `aether report`.

    Exit status: 0 handed over, 1 failed, cancelled or unknown, 2 wrong usage or settings, 130 interrupted.
    """
    orders = (
        _report_to(output),
        _checklist_to(output),
        JobOrder(IMAGE, ImageFiles(output) if output else ImageUrls()),
    )
    raise SystemExit(uvloop.run(fulfilling.watch(str(job_id), orders, url, settings_with(data_dir=data_dir))))


def _report_to(output: Path | None) -> JobOrder[ReportState]:
    return JobOrder(REPORT, DocumentDelivery("report", report_document, output))


def _checklist_to(output: Path | None, *, quotes: bool = False) -> JobOrder[ChecklistState]:
    return JobOrder(CHECKLIST, DocumentDelivery("checklist", partial(checklist_document, quotes=quotes), output))


def _order(order: JobOrder[StateT], wishes: dict[str, Any], url: str | None, data_dir: Path | None) -> None:
    request = {name: file_conditions for name, file_conditions in wishes.items() if file_conditions not in (None, ())}
    raise SystemExit(uvloop.run(fulfilling.fulfil(order, request, url, settings_with(data_dir=data_dir))))
