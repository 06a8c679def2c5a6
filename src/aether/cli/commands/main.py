"""Main: the `aether` command and its subcommands."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click
import uvloop

from aether import __version__
from aether.cli.client.errors import RefusedError
from aether.cli.kinds import KINDS
from aether.cli.options import address_options, client_settings, data_dir_option, settings_with
from aether.errors import AetherError, ConfigurationError
from aether.settings import Settings
from aether.telemetry import configure_logging, log_unknown_settings

_USAGE_ERRORS = frozenset({400, 401, 403, 413, 422, 501})
"""Statuses for a request that will not succeed unless the request or the server's settings are changed."""

_SUBCOMMANDS = ("export", "keys", "model", "templates", "watch")
_LAZY_COMMANDS = {name: f"aether.cli.commands.{name}:{name}" for name in _SUBCOMMANDS}


class _Group(click.Group):
    """Prints expected errors as one line, and loads the commands that need a client when they are used.

    A worker process loads neither the client nor its display.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LAZY_COMMANDS, *_kind_commands()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY_COMMANDS:
            command: click.Command = resolve_name(_LAZY_COMMANDS[cmd_name])
            return command
        return super().get_command(ctx, cmd_name) or _kind_commands().get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:  # Any: as the overridden method
        try:
            return super().invoke(ctx)
        except AetherError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(_exit_status(error)) from error


def _kind_commands() -> dict[str, click.Command]:
    return {str(kind.command.name): kind.command for kind in KINDS.values()}


def _exit_status(error: AetherError) -> int:
    is_usage_error = isinstance(error, RefusedError) and error.status in _USAGE_ERRORS
    return 2 if is_usage_error or isinstance(error, ConfigurationError) else 1


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def aether() -> None:
    """Turn a topic into a structured report, a guideline into a checklist, a prompt into images, durably.

    `aether report "The Roman Empire"` is all it takes: it starts what it needs. `aether serve` keeps the service
    running for other programs. Settings are environment variables; an option wins over its variable.
    """


@aether.command()
@address_options
@data_dir_option
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the whole service: API, workers, and a store of its own.

    The store is embedded unless REDIS_URL is set; the model is a local one unless OPENAI_API_KEY or OPENAI_BASE_URL
    is. SIGTERM or Ctrl-C lets running work end or be handed back, for AETHER_SHUTDOWN_GRACE seconds; a second one
    stops at once. Nothing accepted is lost either way.

    Exit status: 0 stopped, 2 wrong settings, 75 the data directory is in use.
    """
    from aether.cli.commands import serve as processes  # noqa: PLC0415 - other commands start faster without it

    uvloop.run(processes.serve(_service_settings(host=host, port=port, data_dir=data_dir)))


@aether.command()
@address_options
def api(host: str | None, port: int | None) -> None:
    """Run the API alone.

    Any number of machines may do so around one REDIS_URL; `aether worker` does the work.

    Exit status: 0 stopped, 2 wrong settings.
    """
    from aether.cli.commands import serve as processes  # noqa: PLC0415 - as above

    uvloop.run(processes.serve_api(_service_settings(host=host, port=port)))


@aether.command()
def worker() -> None:
    """Run the workers alone.

    Any number of machines may do so around one REDIS_URL. AETHER_WORKER_PROCESSES says how many workers there are on
    this one; each is a process of its own, started again should it die.

    Exit status: 0 stopped, 2 wrong settings.
    """
    from aether.cli.commands import workers  # noqa: PLC0415 - as above

    uvloop.run(workers.work(_service_settings()))


@aether.command()
@data_dir_option
def check(data_dir: Path | None) -> None:
    """Check the settings, and start nothing.

    It shows what the service would use, and whether a Redis that answers can keep jobs; `aether model` checks the model
    server itself. Use it where a service manager would start a process again and again that cannot start.

    Exit status: 0 the service could start, 2 wrong settings.
    """
    from aether.bootstrap.settings_check import check_settings  # noqa: PLC0415 - as above

    summary = uvloop.run(check_settings(client_settings(data_dir=data_dir)))
    click.echo(f"store: {summary.store}\nmodel: {summary.model}")


def main() -> None:
    """Run the command."""
    aether(prog_name="aether")


def _service_settings(**options: Any) -> Settings:  # Any: the values of any settings
    settings = settings_with(**options)
    configure_logging(settings.log_level, settings.log_format)
    log_unknown_settings(Settings.unknown_variables())
    return settings
