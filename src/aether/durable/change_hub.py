"""What is heard of jobs: changes by whoever waits for them, and texts while they are written."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec


class Delta(msgspec.Struct, frozen=True):
    """A piece of text as a model writes it: it follows the first `offset` characters (code points) of this attempt's.

    It is told once and kept nowhere. Who came late or missed one sees it by the offset, and finds the whole text in the
    step's result. A change may overtake it, so that the step may be done by then, or another attempt begun.
    """

    step: str
    attempt: int
    offset: int
    text: str


class TokenChannel(Protocol):
    """Where texts are told while they are written; what cannot be told is dropped, and nobody is kept waiting."""

    def publish(self, job_id: str, delta: Delta) -> None:
        """Tell a piece, soon; never fails."""
        ...

    async def flush(self, job_id: str, step: str) -> None:
        """Return when all that was published of the step has been told or dropped; never fails."""
        ...


class ChangeHub(Protocol):
    """Where changes of jobs are heard of; a job that is gone, erased or expired, is at version 0.

    No change that is committed behind `after` is missed, however often the store goes away meanwhile; then it is heard
    of when the store is back. A version below `after` means that the job is gone, that the store has lost what it had
    acknowledged, or that `after` never was. A closing hub ends all waiting at once.
    """

    async def changed(self, job_id: str, after: int, within: float) -> int | None:
        """Return the job's version as soon as it is not `after`; None after `within` seconds, or on closing."""
        ...

    def watch(self, job_id: str, after: int, pulse: float) -> AbstractContextManager[AsyncIterator[int | Delta | None]]:
        """Iterate over new versions and deltas, until the hub closes; None after each `pulse` seconds without any.

        A slow reader is told the newest version alone, and of the text what fits into a bounded buffer. Waiting for the
        next may be cancelled without a loss.
        """
        ...

    def arrivals(
        self, owner: str, after: int, pulse: float
    ) -> AbstractContextManager[AsyncIterator[int | Delta | None]]:
        """Iterate over the id of the newest notification in the owner's inbox, as `watch` does over versions.

        There are no deltas. The id of an empty inbox is 0; erasing the newest one may go by unheard for a while.
        """
        ...

    def close(self) -> None:
        """End all waiting, for good."""
        ...
