"""What the command line knows of a kind of job: where it lives, and how its state is read."""

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, Literal, Protocol, Self, TypeAlias, TypeVar

import msgspec

from aether.cli.output.progress_events import ProgressEvent

Outcome: TypeAlias = Literal["succeeded", "failed", "cancelled"]

CANCELLED = "cancelled"
"""The error of a job that was cancelled, where no status of its own says so."""


class State(Protocol):
    """A job of some kind, as its GET shows it at one of its versions."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while something may still happen to it by itself."""
        ...

    @property
    def error(self) -> str | None:
        """Why it failed."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """When the server forgets it, if it says so."""
        ...

    @property
    def progress(self) -> float | None:
        """How much of it is done, from 0 to 1; None if nobody knows."""
        ...

    @property
    def stage(self) -> str:
        """What is going on, in a few words."""
        ...

    @property
    def standing(self) -> str:
        """How far it came, for one that will go no further."""
        ...

    def news(self, before: Self | None) -> Iterator[ProgressEvent]:
        """Tell what it has that it had not `before`, failed attempts first."""
        ...


class Accepted(Protocol):
    """The answer to a new job."""

    @property
    def id(self) -> str:
        """The job's id."""
        ...


StateT = TypeVar("StateT", bound=State)


class JobKind(msgspec.Struct, Generic[StateT], frozen=True):
    """One kind of job: what people call it, the path of its collection, and the shapes of its answers."""

    name: str
    path: str
    accepted: type[Accepted]
    state: type[StateT]
