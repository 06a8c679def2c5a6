"""Callers whose tokens were verified a moment ago."""

from collections import OrderedDict

from aether.domain.access import Caller
from aether.durable.ports import Clock


class CallerCache:
    """The callers of the tokens that were used last, `most` of them, each for a time of its own."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._callers: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    def recall(self, digest: bytes) -> Caller | None:
        """Return the caller, unless the time is over."""
        remembered = self._callers.get(digest)
        if remembered is None:
            return None
        caller, until = remembered
        if self._clock.monotonic() >= until:
            del self._callers[digest]
            return None
        self._callers.move_to_end(digest)
        return caller

    def remember(self, digest: bytes, caller: Caller, seconds: float) -> None:
        """Keep the caller for so long, and forget whoever was not seen for the longest if there are too many."""
        self._callers[digest] = (caller, self._clock.monotonic() + seconds)
        if len(self._callers) > self._most:
            self._callers.popitem(last=False)
