"""`aether export`: gets what a job has written as a file."""

import sys
from pathlib import Path
from uuid import UUID

import click

from aether.cli.client.run_job import ExportRequest, export_job
from aether.cli.kinds import KINDS
from aether.cli.options import format_option, output_option, server_options
from aether.cli.output.export_delivery import chosen_format


@click.command()
@click.argument("job_id", type=click.UUID)
@output_option("FILE", "Write to this file, not to stdout; its ending chooses the format.")
@format_option
@click.option("--partial", is_flag=True, help="Take what there is, also of a job that has not completed.")
@server_options
def export(  # noqa: PLR0913 - the values of the options
    job_id: UUID,
    url: str | None,
    data_dir: Path | None,
    output: Path | None,
    format_name: str | None,
    *,
    partial: bool,
) -> None:
    """Export the report or the checklist of a job.

    The ending of FILE chooses the format: .md, .html, .pdf, .docx, .epub, .json or .txt; a checklist has .md, .docx
    and .pdf. Without one it is Markdown. Who is asked for the job is as for `aether report`.

    Exit status: 0 exported, 1 not complete or unknown, 2 wrong usage or settings, or the server lacks the format.
    """
    kinds = [kind for kind in KINDS.values() if kind.has_documents]
    below = f"/export/{chosen_format(output, format_name).name}" + ("?partial=true" if partial else "")
    sys.exit(export_job(ExportRequest(str(job_id), below, output), kinds, url, data_dir))
