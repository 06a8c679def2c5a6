"""`aether keys`: who may call the service, and what they may do."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import uvloop

from aether.bootstrap import access
from aether.cli.local.store import opened_store
from aether.cli.options import as_duration, as_rate, data_dir_option, settings_with
from aether.cli.output.key_table import in_words, print_json, print_table, view
from aether.domain.access import ApiKey, Quota, Rate, Scope
from aether.errors import FieldError
from aether.identity.api_keys import MAX_STALENESS_S, ApiKeys, check_key
from aether.settings import Secret, Settings
from aether.telemetry import configure_logging

Result = TypeVar("Result")

_OPTIONS = {
    "name": "NAME",
    "owner": "--owner",
    "expires_in": "--expires",
    "quota.jobs": "--jobs",
    "quota.rate": "--rate",
}

_NEVER = datetime.max.replace(tzinfo=UTC)

_which = click.argument("which", metavar="NAME|ID")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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
@_as_json
@data_dir_option
def create(
    name: str,
    rate: Rate | None,
    jobs: int | None,
    data_dir: Path | None,
    *,
    as_json: bool,
    **terms: Any,  # Any: the owner, the scopes and the time, as `ApiKeys.create` takes them
) -> None:
    """Make a key called NAME and print it.

    The key is shown this once, on stdout and with nothing else there: KEY=$(aether keys create ci). Without --rate and
    --jobs the limits of the service hold.
    """
    terms["quota"] = Quota(rate, jobs)
    _check(partial(check_key, name, **terms))
    key, secret = _asked(data_dir, lambda keys: keys.create(name, **terms))
    _say(f"created {in_words(key)}")
    _show(key, secret, as_json=as_json)


@keys.command("list")
@_as_json
@data_dir_option
def list_(data_dir: Path | None, *, as_json: bool) -> None:
    """Show all keys, the oldest first.

    Those that were revoked or have expired are shown for 30 days more.
    """
    held, now = _asked(data_dir, lambda keys: keys.list()), datetime.now(UTC)
    if as_json:
        print_json([view(key, now) for key in held])
    elif held:
        print_table(held, now)
    else:
        _say("There are no keys. The first one is made by: aether keys create NAME")


@keys.command()
@_which
@data_dir_option
def revoke(which: str, data_dir: Path | None) -> None:
    """End the key NAME|ID, for good.

    Returns when no process takes it any more, which is after a second.
    """
    key = _asked(data_dir, lambda keys: keys.revoke(which))
    _wait_for_all()
    _say(f"revoked {key.name} ({key.id}); no process takes it any more")


@keys.command()
@_which
@click.option(
    "--overlap",
    metavar="TIME",
    default="0s",
    callback=as_duration,
    help="How long the old key stays valid beside the new one: 1h.",
)
@_as_json
@data_dir_option
def rotate(which: str, overlap: timedelta, data_dir: Path | None, *, as_json: bool) -> None:
    """Print a new key in place of the key NAME|ID.

    Its name, owner, scopes, end and limits stay. The key is shown this once, on stdout and with nothing else there.
    Without --overlap this returns when no process takes the old one any more, which is after a second.
    """
    key, secret = _asked(data_dir, lambda keys: keys.rotate(which, overlap))
    _show(key, secret, as_json=as_json)
    if not overlap:
        _wait_for_all()
    ends = min(datetime.now(UTC) + overlap, key.expires_at or _NEVER)
    old = f"is valid until {ends:%Y-%m-%d %H:%M:%S} UTC" if overlap else "is refused everywhere"
    _say(f"rotated {key.name} ({key.id}); the old key {old}")


def _asked(data_dir: Path | None, what: Callable[[ApiKeys], Awaitable[Result]]) -> Result:
    settings = settings_with(data_dir=data_dir)
    configure_logging("warning", settings.log_format)
    return uvloop.run(_ask(settings, what))


async def _ask(settings: Settings, what: Callable[[ApiKeys], Awaitable[Result]]) -> Result:
    async with opened_store(settings, _say) as complete, access.keys(complete) as opened:
        return await what(opened)


def _check(rules: Callable[[], None]) -> None:
    try:
        rules()
    except FieldError as error:
        raise click.BadParameter(f"It {error.rule}.", param_hint=f"'{_OPTIONS[error.field]}'") from error


def _show(key: ApiKey, secret: Secret, *, as_json: bool) -> None:
    _say("The key is shown this once: only its hash is kept.")
    try:
        if as_json:
            print_json(msgspec.to_builtins(view(key, datetime.now(UTC))) | {"key": secret.reveal()})
        else:
            click.echo(secret.reveal())
    except OSError as error:
        lost = f"The key could not be written ({error.strerror}). Get another by: aether keys rotate {key.id}"
        raise click.ClickException(lost) from error


def _say(text: str) -> None:
    click.echo(text, err=True)


def _wait_for_all() -> None:
    """Wait until every process has heard of a change."""
    time.sleep(MAX_STALENESS_S)
