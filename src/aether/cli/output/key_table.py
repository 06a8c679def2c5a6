"""Key table: API keys as a table for people or as JSON for programs, without their secrets."""

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
_PIPE_WIDTH = 10_000  # columns, so that no line is broken


class KeyView(msgspec.Struct, frozen=True, rename="camel"):
    """A key in JSON; `rate` is requests/seconds, as the option takes it."""

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


def key_view(key: ApiKey, now: datetime) -> KeyView:
    """Return the key as JSON shows it."""
    return KeyView(
        key.id,
        key.name,
        key.owner,
        Scope.in_order(key.scopes),
        key.created_at,
        key.expires_at,
        key.revoked_at,
        "revoked" if key.revoked_at else "valid" if key.is_valid(now) else "expired",
        _rate_text(key.quota.rate) if key.quota.rate else None,
        key.quota.jobs,
    )


def print_json(value: object) -> None:
    """Write the value to stdout as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)))


def print_table(keys: Iterable[ApiKey], now: datetime) -> None:
    """Write a table of the keys to stdout."""
    table = Table(*_COLUMNS, box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    for key in keys:
        table.add_row(*_cells(key, now))
    # An owner is untrusted text: it is printed without markup or emoji.
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False).print(table)


def description(key: ApiKey) -> str:
    """Return one line that describes the key."""
    quota = f"; {_quota_text(key.quota)}" if key.quota != Quota() else ""
    ends = f"until {_time(key.expires_at)} UTC" if key.expires_at else "without an end"
    return f"{key.name} ({key.id}) for the owner {key.owner}: {_scope_list(key.scopes)}; {ends}{quota}"


def _cells(key: ApiKey, now: datetime) -> tuple[str, ...]:
    created, expires = _time(key.created_at), _time(key.expires_at)
    state = key_view(key, now).state
    return key.id, key.name, key.owner, _scope_list(key.scopes), created, expires, state, _quota_text(key.quota)


def _scope_list(scopes: Iterable[Scope]) -> str:
    return ", ".join(Scope.in_order(scopes))


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else "–"


def _quota_text(quota: Quota) -> str:
    rate = [_rate_text(quota.rate)] if quota.rate else []
    jobs = [f"{quota.jobs} jobs"] if quota.jobs else []
    return ", ".join(rate + jobs) or "–"


def _rate_text(rate: Rate) -> str:
    return f"{rate.requests}/{rate.seconds:g}"
