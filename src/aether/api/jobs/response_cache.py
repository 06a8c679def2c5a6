"""Answers that were encoded before: a job that has ended is shown in the same words until it is tried again."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from aether.domain.snapshot import Revision, Snapshot

_MOST = 16 * 1024 * 1024
_OVERHEAD = 1024  # of one, beside its bytes


class CachedResponse(NamedTuple):
    """What a caller was sent of a job at this revision."""

    revision: Revision
    headers: Mapping[str, str]
    content: bytes


# Without it, a poll of an ended report takes 65 % more CPU of the process, and one that is not modified 33 %
# (`python -m benchmarks ablation`).
class ResponseCache:
    """As many bytes of them as fit, by the URL that was asked for, which they may show; the latest asked for stay.

    Whoever takes one must have asked the store whether the job still stands so, and is the caller's.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._responses: OrderedDict[str, CachedResponse] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._responses)

    async def current(
        self, url: str, look: Callable[[Revision | None], Awaitable[Snapshot | None]]
    ) -> "CachedResponse | Snapshot":
        """Return what was kept if the job still stands so, or else the job: one look tells."""
        kept = self.get(url)
        snapshot = await look(kept.revision if kept else None)
        if snapshot is not None:
            return snapshot
        if kept is None:
            raise AssertionError(url)
        return kept

    def get(self, url: str) -> CachedResponse | None:
        """Return what was kept."""
        response = self._responses.get(url)
        if response:
            self._responses.move_to_end(url)
        return response

    def keep(self, url: str, response: CachedResponse) -> None:
        """Put one in the place of what was kept under the URL; one that is larger than all may be is not kept."""
        self.drop(url)
        if _size(url, response) > self._most:
            return
        self._responses[url] = response
        self.size += _size(url, response)
        while self.size > self._most:
            self.drop(next(iter(self._responses)))

    def drop(self, url: str) -> None:
        """Forget what was kept, if anything was."""
        response = self._responses.pop(url, None)
        if response:
            self.size -= _size(url, response)


def _size(url: str, response: CachedResponse) -> int:
    return len(url) + len(response.content) + _OVERHEAD
