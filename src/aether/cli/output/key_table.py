"""Keys as people and programs read them: never with what opens the door."""

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from aether.domain.access import ApiKey, Quota, Rate, Scope

_COLUMNS = ("id", "name", "owner", "scopes", "created", "expires", "state", "quota")
_NO_TERMINAL = 10_000  # columns, so that no line is broken


class KeyView(msgspec.Struct, frozen=True, rename="camel"):
    """A key in JSON; `rate` is requests/seconds, as the option has it."""

    id: str
    name: str
    owner: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    state: Literal["valid", "expired", "revoked"]
    rate: str | None
    jobs: int | None


def view(key: ApiKey, now: datetime) -> KeyView:
    """Return what may be shown of the key."""
    return KeyView(
        key.id,
        key.name,
        key.owner,
        _in_order(key.scopes),
        key.created_at,
        key.expires_at,
        key.revoked_at,
        "revoked" if key.revoked_at else "valid" if key.is_valid(now) else "expired",
        _rate(key.quota.rate) if key.quota.rate else None,
        key.quota.jobs,
    )


def print_json(value: object) -> None:
    """Write to stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)))


def print_table(keys: Iterable[ApiKey], now: datetime) -> None:
    """Write a line for each key to stdout, beneath a line of headings."""
    table = Table(*_COLUMNS, box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    for key in keys:
        table.add_row(*_cells(key, now))
    # An owner is text from outside: no markup, no emoji.
    width = None if sys.stdout.isatty() else _NO_TERMINAL
    Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False).print(table)


def in_words(key: ApiKey) -> str:
    """Describe a new key in a line."""
    limits = f"; {_limits(key.quota)}" if key.quota != Quota() else ""
    ends = f"until {_moment(key.expires_at)} UTC" if key.expires_at else "without an end"
    return f"{key.name} ({key.id}) for the owner {key.owner}: {_words(key.scopes)}; {ends}{limits}"


def _cells(key: ApiKey, now: datetime) -> tuple[str, ...]:
    created, expires = _moment(key.created_at), _moment(key.expires_at)
    state = view(key, now).state
    return key.id, key.name, key.owner, _words(key.scopes), created, expires, state, _limits(key.quota)


def _in_order(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    return tuple(sorted(scopes, key=list(Scope).index))


def _words(scopes: Iterable[Scope]) -> str:
    return ", ".join(_in_order(scopes))


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "–"


def _limits(quota: Quota) -> str:
    rate = [_rate(quota.rate)] if quota.rate else []
    jobs = [f"{quota.jobs} jobs"] if quota.jobs else []
    return ", ".join(rate + jobs) or "–"


def _rate(rate: Rate) -> str:
    return f"{rate.requests}/{rate.seconds:g}"
