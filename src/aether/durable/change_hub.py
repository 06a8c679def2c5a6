"""Change hub: tells waiting readers about new versions of jobs, and streams text while a model writes it."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec


class Delta(msgspec.Struct, frozen=True):
    """A piece of text as a model writes it; `offset` is how many characters (code points) of the attempt precede it.

    Deltas are published once and not stored. A reader who joined late or missed one can tell by the offset, and finds
    the whole text in the step's result. A delta may arrive after a later change: the step may be done by then, or its
    next attempt started.
    """

    step: str
    attempt: int
    offset: int
    text: str


class TokenChannel(Protocol):
    """Publishes text while a model writes it, without blocking; a delta that cannot be published is dropped."""

    def publish(self, job_id: str, delta: Delta) -> None:
        """Publish a delta soon; never fails."""
        ...

    async def flush(self, job_id: str, step: str) -> None:
        """Return when all deltas of the step have been sent or dropped; never fails."""
        ...


class ChangeHub(Protocol):
    """Notifies readers of changes to jobs; a job that was erased or has expired is at version 0.

    No change committed after version `after` is missed: while the store is unavailable, changes are reported late. A
    version below `after` means that the job is gone, that the store has lost acknowledged writes, or that `after` never
    existed. Closing the hub ends all waits at once.
    """

    async def wait_for_change(self, job_id: str, after: int, timeout_s: float) -> int | None:
        """Return the job's version as soon as it differs from `after`; None on a timeout, or when the hub closes."""
        ...

    def watch(
        self, job_id: str, after: int, keep_alive_s: float
    ) -> AbstractContextManager[AsyncIterator[int | Delta | None]]:
        """Iterate over new versions and deltas until the hub closes; yields None after `keep_alive_s` without any.

        A slow reader gets only the newest version, and the deltas that fit into a bounded buffer. Cancelling a wait for
        the next item loses nothing.
        """
        ...

    def watch_inbox(
        self, owner: str, after: int, keep_alive_s: float
    ) -> AbstractContextManager[AsyncIterator[int | Delta | None]]:
        """Iterate over the id of the newest notification in the owner's inbox, as `watch` does over versions.

        The id is 0 for an empty inbox. There are no deltas. The removal of the newest notification may be reported
        late.
        """
        ...

    def close(self) -> None:
        """End all waits, for good."""
        ...
