"""The `aether` command and its subcommands."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import uvloop
from msgspec.structs import replace

from aether.cli.client import RefusedError
from aether.cli.report import report as make_report
from aether.domain.report import MAX_SECTIONS, Length
from aether.errors import AetherError, ConfigurationError
from aether.settings import Settings
from aether.telemetry import configure_logging

_BAD_INPUT = frozenset({400, 413, 422})
Command = Callable[..., None]


class _Group(click.Group):
    """Turns errors that are raised on purpose into one line and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:  # Any: as the overridden method
        try:
            return super().invoke(ctx)
        except AetherError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(_exit_status(error)) from error


def _exit_status(error: AetherError) -> int:
    callers = isinstance(error, RefusedError) and error.status in _BAD_INPUT
    return 2 if callers or isinstance(error, ConfigurationError) else 1


def _address_options(command: Command) -> Command:
    host = click.option("--host", help="Where to listen. [env AETHER_HOST; default 127.0.0.1]")
    port = click.option("--port", type=click.IntRange(0, 65_535), help="0 picks a free one. [AETHER_PORT; 8000]")
    return host(port(command))


_data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps the embedded store and the logs. [env AETHER_DATA_DIR; default ~/.local/share/aether]",
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aether")
def aether() -> None:
    """Turn a topic into a structured report, durably.

    `aether report "The Roman Empire"` is all it takes: it starts what it needs. `aether serve` keeps the service
    running for other programs. Settings are environment variables; an option wins over its variable.
    """


@aether.command()
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
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.md", help="Write to this file, not to stdout."
)
@click.option("--url", metavar="URL", help="Use this server.")
@_data_dir_option
def report(url: str | None, data_dir: Path | None, output: Path | None, **wishes: Any) -> None:  # Any: see above
    """Write a report on TOPIC, as Markdown to stdout.

    The server at --url makes it; without --url the one that `aether serve` runs on this machine, or else a private
    one that ends with this command. Progress is shown on stderr.

    Ctrl-C cancels the report. If sections are finished when it fails or is cancelled, they go to FILE.partial.md if
    --output names FILE.md; otherwise you are told where the server keeps them. An existing file is replaced, by a
    whole one only.

    Exit status: 0 written, 1 failed, 2 wrong usage or settings, 130 interrupted and cancelled.
    """
    _check_url(url)
    _check_output(output)
    request = {name: wish for name, wish in wishes.items() if wish not in (None, ())}
    raise SystemExit(uvloop.run(make_report(request, url, _settings(data_dir=data_dir), output)))


@aether.command()
@_address_options
@_data_dir_option
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the whole service: API, workers, and a store of its own.

    The store is embedded unless REDIS_URL is set; the model is a local one unless OPENAI_API_KEY or OPENAI_BASE_URL
    is. SIGTERM or Ctrl-C lets running work end or be handed back, for AETHER_SHUTDOWN_GRACE seconds; a second one
    stops at once. Nothing accepted is lost either way.

    Exit status: 0 stopped, 2 wrong settings, 75 the data directory is in use.
    """
    from aether.cli import serve as processes  # noqa: PLC0415 - `report` starts faster without the server's modules

    uvloop.run(processes.serve(_service_settings(host=host, port=port, data_dir=data_dir)))


@aether.command()
@_address_options
def api(host: str | None, port: int | None) -> None:
    """Run the API alone, for any number of machines around one REDIS_URL."""
    from aether.cli import serve as processes  # noqa: PLC0415 - as above

    uvloop.run(processes.serve_api(_service_settings(host=host, port=port)))


@aether.command()
def worker() -> None:
    """Run the workers alone, for any number of machines around one REDIS_URL.

    AETHER_WORKER_PROCESSES says how many; each is a process of its own, started again should it die.
    """
    from aether.cli import workers  # noqa: PLC0415 - as above

    uvloop.run(workers.work(_service_settings()))


def main() -> None:
    """Run the command."""
    aether(prog_name="aether")


def _settings(**given: Any) -> Settings:  # Any: the values of any settings
    return replace(Settings.from_env(), **{name: value for name, value in given.items() if value is not None})


def _service_settings(**given: Any) -> Settings:  # Any: the values of any settings
    settings = _settings(**given)
    configure_logging(settings.log_level, settings.log_format)
    return settings


def _check_url(url: str | None) -> None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter("It must start with http:// or https://.", param_hint="--url")


def _check_output(output: Path | None) -> None:
    """Find out now, not when the report is written, that it cannot be put there."""
    if output is None:
        return
    folder = output.resolve().parent
    if output.is_dir():
        raise click.BadParameter(f"{output} is a folder.", param_hint="--output")
    if not folder.is_dir():
        raise click.BadParameter(f"The folder {folder} does not exist.", param_hint="--output")
    if not os.access(folder, os.W_OK):
        raise click.BadParameter(f"The folder {folder} cannot be written to.", param_hint="--output")
