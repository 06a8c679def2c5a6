"""Slow clients: closing connections whose client reads so slowly that a response would stay in memory for hours."""

import asyncio

_INTERVAL_S = 20.0
_MIN_BYTES = 80 * 1024


class SlowClientWatch:
    """Aborts a connection if the client reads less than `min_bytes` of the buffered response within `interval_s`.

    For a client that reads nothing at all, the timeout of the listening socket applies earlier.
    """

    def __init__(
        self, transport: asyncio.WriteTransport, interval_s: float = _INTERVAL_S, min_bytes: int = _MIN_BYTES
    ) -> None:
        self._transport = transport
        self._interval_s = interval_s
        self._min_bytes = min_bytes
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start watching: the write buffer has reached its high-water mark."""
        buffered = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._check, buffered)

    def stop(self) -> None:
        """Stop watching: the write buffer has drained."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, buffered: int) -> None:
        if buffered - self._transport.get_write_buffer_size() < self._min_bytes:
            self._transport.abort()
        else:
            self.start()
