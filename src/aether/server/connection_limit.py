"""Connection limit: how many connections a process serves, and how many surplus ones it keeps until they are rejected.

A surplus connection is one beyond the limit. It is kept until its request is known, because health checks are answered
on it too. When too many are kept, the oldest makes room, so that the process never runs out of file descriptors.
"""

from collections.abc import Sized
from typing import Protocol

MAX_SURPLUS = 32


class SurplusConnection(Protocol):
    """A connection beyond the limit."""

    def is_answering(self) -> bool: ...  # noqa: D102 - whether a response to a request is under way

    def make_room(self) -> None: ...  # noqa: D102 - answer 503 if nothing was answered yet, and close at once


class ConnectionLimit:
    """The limit of one process; `max_connections=None` means that there is none."""

    def __init__(self, max_connections: int | None = None, max_surplus: int = MAX_SURPLUS) -> None:
        self._max_connections = max_connections
        self._max_surplus = max_surplus
        # A dict, because it is ordered: the oldest connection is the first.
        self._surplus: dict[SurplusConnection, None] = {}

    def is_exceeded(self, connections: Sized) -> bool:
        """Whether the process has more connections than it serves."""
        return self._max_connections is not None and len(connections) > self._max_connections

    def add_surplus(self, connection: SurplusConnection) -> None:
        """Keep a surplus connection; if there are too many, the oldest that is not being answered makes room."""
        self._surplus[connection] = None
        if len(self._surplus) > self._max_surplus:
            oldest = next((each for each in self._surplus if not each.is_answering()), connection)
            self.remove_surplus(oldest)
            oldest.make_room()

    def remove_surplus(self, connection: SurplusConnection) -> None:
        """Forget a connection that was closed, or that is within the limit now."""
        self._surplus.pop(connection, None)
