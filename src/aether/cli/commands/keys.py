"""`aether keys`: create, list, rotate and revoke API keys."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import uvloop

from aether.bootstrap.authentication import open_api_keys
from aether.cli.local.store import open_store
from aether.cli.options import as_duration, as_rate, client_settings, data_dir_option
from aether.cli.output.key_table import description, key_view, print_json, print_table
from aether.domain.access import ApiKey, Quota, Rate, Scope
from aether.errors import FieldError
from aether.identity.api_keys import MAX_STALENESS_S, ApiKeys, check_key
from aether.settings import Secret, Settings
from aether.telemetry import configure_logging

ResultT = TypeVar("ResultT")

_OPTION_NAMES = {
    "name": "NAME",
    "owner": "--owner",
    "expires_in": "--expires",
    "quota.jobs": "--jobs",
    "quota.rate": "--rate",
}

_NEVER = datetime.max.replace(tzinfo=UTC)

_name_or_id = click.argument("name_or_id", metavar="NAME|ID")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def keys() -> None:
    """Create, list, rotate and revoke keys.

    With one, programs and people call a service. They are kept in the store at REDIS_URL or, without it, in that of
    the data directory, whether its server runs or not. From the first key on nobody is let in without one.

    Exit status: 0 done, 1 there is no such key, the name is taken or the store is away, 2 wrong usage or settings.
    """


@keys.command()
@click.argument("name")
@click.option("--owner", help="Whose jobs it is for. [default: NAME]")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=(Scope.READ.value, Scope.WRITE.value),
    callback=lambda _, __, words: frozenset(map(Scope, words)),
    help="What it may do; repeat it for each. [default: read and write]",
)
@click.option(
    "--expires", "expires_in", metavar="TIME", callback=as_duration, help="How long it is valid: 90d, 12h, 30m."
)
@click.option("--rate", metavar="N/SECONDS", callback=as_rate, help="Requests it may make: 600/60 is 600 a minute.")
@click.option("--jobs", type=int, metavar="N", help="How many of its owner's jobs may wait or run at a time.")
@_json_option
@data_dir_option
def create(
    name: str,
    rate: Rate | None,
    jobs: int | None,
    data_dir: Path | None,
    *,
    as_json: bool,
    **properties: Any,  # Any: the owner, the scopes and the time, as `ApiKeys.create` takes them
) -> None:
    """Make a key called NAME and print it.

    The key is shown this once, on stdout and with nothing else there: KEY=$(aether keys create ci). Without --rate and
    --jobs the limits of the service hold.
    """
    properties["quota"] = Quota(rate, jobs)
    _check_properties(partial(check_key, name, **properties))
    key, secret = _with_keys(data_dir, lambda keys: keys.create(name, **properties))
    _show_message(f"created {description(key)}")
    _print_key(key, secret, as_json=as_json)


@keys.command("list")
@_json_option
@data_dir_option
def list_(data_dir: Path | None, *, as_json: bool) -> None:
    """Show all keys, the oldest first.

    Those that were revoked or have expired are shown for 30 days more.
    """
    listed, now = _with_keys(data_dir, lambda keys: keys.list()), datetime.now(UTC)
    if as_json:
        print_json([key_view(key, now) for key in listed])
    elif listed:
        print_table(listed, now)
    else:
        _show_message("There are no keys. The first one is made by: aether keys create NAME")


@keys.command()
@_name_or_id
@data_dir_option
def revoke(name_or_id: str, data_dir: Path | None) -> None:
    """End the key NAME|ID, for good.

    Returns when no process takes it any more, which is after a second.
    """
    key = _with_keys(data_dir, lambda keys: keys.revoke(name_or_id))
    _wait_for_processes()
    _show_message(f"revoked {key.name} ({key.id}); no process takes it any more")


@keys.command()
@_name_or_id
@click.option(
    "--overlap",
    metavar="TIME",
    default="0s",
    callback=as_duration,
    help="How long the old key stays valid beside the new one: 1h.",
)
@_json_option
@data_dir_option
def rotate(name_or_id: str, overlap: timedelta, data_dir: Path | None, *, as_json: bool) -> None:
    """Print a new key in place of the key NAME|ID.

    Its name, owner, scopes, end and limits stay. The key is shown this once, on stdout and with nothing else there.
    Without --overlap this returns when no process takes the old one any more, which is after a second.
    """
    key, secret = _with_keys(data_dir, lambda keys: keys.rotate(name_or_id, overlap))
    _print_key(key, secret, as_json=as_json)
    if not overlap:
        _wait_for_processes()
    ends = min(datetime.now(UTC) + overlap, key.expires_at or _NEVER)
    old = f"is valid until {ends:%Y-%m-%d %H:%M:%S} UTC" if overlap else "is refused everywhere"
    _show_message(f"rotated {key.name} ({key.id}); the old key {old}")


def _with_keys(data_dir: Path | None, call: Callable[[ApiKeys], Awaitable[ResultT]]) -> ResultT:
    settings = client_settings(data_dir=data_dir)
    configure_logging("warning", settings.log_format)
    return uvloop.run(_with_keys_async(settings, call))


async def _with_keys_async(settings: Settings, call: Callable[[ApiKeys], Awaitable[ResultT]]) -> ResultT:
    async with open_store(settings, _show_message) as complete, open_api_keys(complete) as opened:
        return await call(opened)


def _check_properties(check: Callable[[], None]) -> None:
    try:
        check()
    except FieldError as error:
        raise click.BadParameter(f"It {error.rule}.", param_hint=f"'{_OPTION_NAMES[error.field]}'") from error


def _print_key(key: ApiKey, secret: Secret, *, as_json: bool) -> None:
    _show_message("The key is shown this once: only its hash is kept.")
    try:
        if as_json:
            print_json(msgspec.to_builtins(key_view(key, datetime.now(UTC))) | {"key": secret.reveal()})
        else:
            click.echo(secret.reveal())
    except OSError as error:
        message = f"The key could not be written ({error.strerror}). Get another by: aether keys rotate {key.id}"
        raise click.ClickException(message) from error


def _show_message(text: str) -> None:
    click.echo(text, err=True)


def _wait_for_processes() -> None:
    """Wait until every process knows of a change."""
    time.sleep(MAX_STALENESS_S)
