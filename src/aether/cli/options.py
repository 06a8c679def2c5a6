"""Options that several commands share, and the settings that they override."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from aether.documents.formats import FORMATS
from aether.domain.access import Rate
from aether.settings import Settings

Command = Callable[..., None]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def address_options(command: Command) -> Command:
    """Add --host and --port."""
    host = click.option("--host", help="Where to listen. [env AETHER_HOST; default 127.0.0.1]")
    port = click.option("--port", type=click.IntRange(0, 65_535), help="0 picks a free one. [AETHER_PORT; 8000]")
    return host(port(command))


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps the embedded store and the logs. [env AETHER_DATA_DIR; default ~/.local/share/aether]",
)


def server_options(command: Command) -> Command:
    """Add --url and --data-dir, which say what server is used."""
    return click.option("--url", metavar="URL", help="Use this server.", callback=_check_url)(data_dir_option(command))


format_option = click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="The format, if the ending of the file does not tell, or without a file.",
)


def output_option(metavar: str, help: str, *, required: bool = False) -> Callable[[Command], Command]:  # noqa: A002 - click's word
    """Add --output, a path that is checked before the job is submitted."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar=metavar,
        help=help,
        required=required,
        callback=_check_output,
    )


def as_duration(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Parse a duration as in 90d, 12h, 30m or 45s; the callback of an option."""
    if text is None:
        return None
    if not (found := re.fullmatch(r"([0-9]{1,5})([smhd])", text)):
        raise click.BadParameter("It must be a number with its unit, as in 90d, 12h, 30m or 45s.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def as_rate(_: click.Context, __: click.Parameter, text: str | None) -> Rate | None:
    """Parse a rate as in 600/60, requests per seconds; the callback of an option."""
    if text is None:
        return None
    if not (found := re.fullmatch(r"([0-9]{1,9})/([0-9]{1,6})", text)):
        raise click.BadParameter("It must be requests and the seconds for them, as in 600/60.")
    return Rate(int(found[1]), int(found[2]))


def settings_with(**options: Any) -> Settings:  # Any: the values of any settings
    """Return the settings of the environment; options that are not None override them."""
    return replace(Settings.from_env(), **{name: value for name, value in options.items() if value is not None})


def client_settings(**options: Any) -> Settings:  # Any: as above
    """Return the settings as `settings_with` does, and warn of variables that are no settings."""
    for unknown in Settings.unknown_variables():
        click.echo(f"Warning: {unknown}", err=True)
    return settings_with(**options)


def _check_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter("It must start with http:// or https://.")
    return url and url.rstrip("/")


def _check_output(_: click.Context, __: click.Parameter, output: Path | None) -> Path | None:
    """Refuse a path that cannot be written to, before any work is done."""
    if output is None:
        return None
    folder = output.resolve().parent
    if output.is_dir():
        raise click.BadParameter(f"{output} is a folder.")
    if not folder.is_dir():
        raise click.BadParameter(f"The folder {folder} does not exist.")
    if not os.access(folder, os.W_OK):
        raise click.BadParameter(f"The folder {folder} cannot be written to.")
    return output
