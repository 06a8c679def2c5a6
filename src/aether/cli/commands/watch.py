"""`aether watch`: waits for a job of any kind and delivers its result."""

import sys
from pathlib import Path
from uuid import UUID

import click

from aether.cli.client.run_job import watch_job
from aether.cli.kinds import KINDS
from aether.cli.options import output_option, server_options


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
    sys.exit(watch_job(str(job_id), KINDS.values(), output, url, data_dir))
