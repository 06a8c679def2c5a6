"""Caller cache: the callers of tokens that were verified recently."""

from collections import OrderedDict

from aether.domain.access import Caller
from aether.durable.ports import Clock


class CallerCache:
    """The callers of up to `max_size` tokens, each for its own time; the least recently used is evicted."""

    def __init__(self, max_size: int, clock: Clock) -> None:
        self._max_size = max_size
        self._clock = clock
        self._entries: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    def get(self, digest: bytes) -> Caller | None:
        """Return the caller of the token with this digest, unless the entry has expired."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        caller, expires_at = entry
        if self._clock.monotonic() >= expires_at:
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return caller

    def put(self, digest: bytes, caller: Caller, ttl_s: float) -> None:
        """Store the caller for `ttl_s` seconds."""
        self._entries[digest] = (caller, self._clock.monotonic() + ttl_s)
        if len(self._entries) > self._max_size:
            self._entries.popitem(last=False)
