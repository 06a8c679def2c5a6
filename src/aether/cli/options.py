"""Options that several subcommands share, and the settings that they change."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

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
    """Add --url and --data-dir: who is to do the work."""
    return click.option("--url", metavar="URL", help="Use this server.", callback=_checked_url)(
        data_dir_option(command)
    )


def output_option(metavar: str, help: str, *, required: bool = False) -> Callable[[Command], Command]:  # noqa: A002 - click's word
    """Add --output, a file that is known to be possible before anything is made for it."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar=metavar,
        help=help,
        required=required,
        callback=_checked_output,
    )


def as_duration(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Read a number of seconds, minutes, hours or days, as the callback of an option."""
    if text is None:
        return None
    if not (found := re.fullmatch(r"([0-9]{1,5})([smhd])", text)):
        raise click.BadParameter("It must be a number with its unit, as in 90d, 12h, 30m or 45s.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def as_rate(_: click.Context, __: click.Parameter, text: str | None) -> Rate | None:
    """Read a number of requests and of the seconds for them, as the callback of an option."""
    if text is None:
        return None
    if not (found := re.fullmatch(r"([0-9]{1,9})/([0-9]{1,6})", text)):
        raise click.BadParameter("It must be requests and the seconds for them, as in 600/60.")
    return Rate(int(found[1]), int(found[2]))


def settings_with(**given: Any) -> Settings:  # Any: the values of any settings
    """Return the settings of the environment, changed by the options that are not None."""
    return replace(Settings.from_env(), **{name: value for name, value in given.items() if value is not None})


def _checked_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter("It must start with http:// or https://.")
    return url and url.rstrip("/")


def _checked_output(_: click.Context, __: click.Parameter, output: Path | None) -> Path | None:
    """Find out now, not when all is made, that it cannot be put there."""
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
