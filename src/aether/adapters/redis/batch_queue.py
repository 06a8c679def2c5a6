"""Batch queue: what callers add in one turn of the event loop, sent together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class BatchQueue(Generic[_Item]):
    """Gives what is added to `send`, in order, in batches of at most `max_length`, `max_batches` of them at a time.

    What is added while all of them are in flight forms the next ones. `send` gives each item its answer and never
    raises.
    """

    def __init__(
        self, send: Callable[[Sequence[_Item]], Coroutine[None, None, None]], *, max_batches: int, max_length: int
    ) -> None:
        self._send = send
        self._max_batches = max_batches
        self._max_length = max_length
        self._waiting: list[_Item] = []
        self._in_flight: set[asyncio.Task[None]] = set()

    def add(self, item: _Item) -> None:
        """Send the item with the next batch."""
        self._waiting.append(item)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._start_batches)

    def take_waiting(self) -> Sequence[_Item]:
        """Remove the items that are in no batch yet, and return them."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def _start_batches(self) -> None:
        while self._waiting and len(self._in_flight) < self._max_batches:
            batch, self._waiting = self._waiting[: self._max_length], self._waiting[self._max_length :]
            task = asyncio.create_task(self._send(batch))
            self._in_flight.add(task)
            task.add_done_callback(self._end_batch)

    def _end_batch(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._start_batches()
