"""Readers that take next to nothing of an answer, for which it would be kept for hours."""

import asyncio

_WATCH_S = 20.0
_LEAST = 80 * 1024


class SlowClientWatch:
    """Cuts a connection off if less than `least` bytes of what waits for its reader are taken within `every_s`.

    Who takes nothing at all is cut off by the kernel already, by the time limit of the listening socket.
    """

    def __init__(self, transport: asyncio.WriteTransport, every_s: float = _WATCH_S, least: int = _LEAST) -> None:
        self._transport = transport
        self._every_s = every_s
        self._least = least
        self._looking: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin when there is more waiting than the transport likes to hold."""
        waiting = self._transport.get_write_buffer_size()
        self._looking = asyncio.get_running_loop().call_later(self._every_s, self._look, waiting)

    def stop(self) -> None:
        """End when it has been taken."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _look(self, waiting: int) -> None:
        if waiting - self._transport.get_write_buffer_size() < self._least:
            self._transport.abort()
        else:
            self.start()
