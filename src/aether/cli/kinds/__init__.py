"""Kinds: the registry of the command line, one entry for each kind of job.

A kind's module defines `KIND`, what the client has to know about it, and `command`, its `aether` subcommand. The module
is loaded when one of them is needed: a worker process needs neither.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from aether.domain.job import Kind

if TYPE_CHECKING:
    from aether.cli.client.job_kind import JobKind


class KindEntry(NamedTuple):
    """The name of a kind's subcommand, and the module that defines `KIND` and `command`."""

    command_name: str
    module: str

    def load_kind(self) -> "JobKind[Any]":  # Any: kinds differ in the state of their jobs
        """Import the module and return its `KIND`."""
        kind: JobKind[Any] = import_module(self.module).KIND
        return kind

    def load_command(self) -> click.Command:
        """Import the module and return its `command`."""
        command: click.Command = import_module(self.module).command
        return command


class KindRegistry:
    """The entries of all kinds.

    Raises:
        LookupError: a member of `domain.job.Kind` has no entry.
    """

    def __init__(self, entries: Mapping[Kind, KindEntry]) -> None:
        if missing := [kind.value for kind in Kind if kind not in entries]:
            raise LookupError(f"aether.cli.kinds has no entry for: {', '.join(missing)}")
        self._entries = dict(entries)

    @property
    def commands(self) -> dict[str, KindEntry]:
        """The entries by the names of their subcommands."""
        return {entry.command_name: entry for entry in self._entries.values()}

    def load(self) -> "list[JobKind[Any]]":  # Any: as above
        """Import the modules of all kinds and return what each defines as `KIND`."""
        return [entry.load_kind() for entry in self._entries.values()]

    @contextmanager
    def registered(self, kind: Kind, entry: KindEntry) -> Iterator[None]:
        """Add the entry of one more kind for as long as the context lasts, as tests do."""
        self._entries[kind] = entry
        try:
            yield
        finally:
            del self._entries[kind]


KINDS = KindRegistry(
    {
        Kind.REPORT: KindEntry("report", "aether.cli.kinds.report"),
        Kind.CHECKLIST: KindEntry("checklist", "aether.cli.kinds.checklist"),
        Kind.IMAGE: KindEntry("image", "aether.cli.kinds.image"),
    }
)
