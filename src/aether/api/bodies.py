"""Answers that were encoded before: a job that has ended is shown in the same words until it is tried again."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from aether.domain.sight import Sight, Stand

_MOST = 16 * 1024 * 1024
_OVERHEAD = 1024  # of one, beside its bytes


class Body(NamedTuple):
    """What a caller was sent of a job that stood so."""

    stand: Stand
    headers: Mapping[str, str]
    content: bytes


class Bodies:
    """As many bytes of them as fit, by the URL that was asked for, which they may show; the latest asked for stay.

    Whoever takes one must have asked the store whether the job still stands so, and is the caller's.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._bodies: OrderedDict[str, Body] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._bodies)

    async def current(self, url: str, look: Callable[[Stand | None], Awaitable[Sight | None]]) -> "Body | Sight":
        """Return what was kept if the job still stands so, or else the job: one look tells."""
        kept = self.get(url)
        sight = await look(kept.stand if kept else None)
        if sight is not None:
            return sight
        if kept is None:
            raise AssertionError(url)
        return kept

    def get(self, url: str) -> Body | None:
        """Return what was kept."""
        body = self._bodies.get(url)
        if body:
            self._bodies.move_to_end(url)
        return body

    def keep(self, url: str, body: Body) -> None:
        """Put one in the place of what was kept under the URL; one that is larger than all may be is not kept."""
        self.drop(url)
        if _size(url, body) > self._most:
            return
        self._bodies[url] = body
        self.size += _size(url, body)
        while self.size > self._most:
            self.drop(next(iter(self._bodies)))

    def drop(self, url: str) -> None:
        """Forget what was kept, if anything was."""
        body = self._bodies.pop(url, None)
        if body:
            self.size -= _size(url, body)


def _size(url: str, body: Body) -> int:
    return len(url) + len(body.content) + _OVERHEAD
