"""Closing: which responses are sent before a connection closes, and how the client gets the time to read them."""

import asyncio
from typing import Any, Literal

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class ClosingProtocol(HttpToolsProtocol):
    """uvicorn's protocol for HTTP/1.1, which answers what it has read whole before it closes a connection."""

    linger_s = 1.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: as the overridden one
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._arriving: Literal["head", "body"] | None = None
        self._ignores_input = False
        self._last_whole: RequestResponseCycle | None = None
        """The latest request that was read whole."""
        self._deadline: asyncio.TimerHandle | None = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._cancel_deadline()

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._last_whole = self.cycle

    @override
    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn never keeps the connection
        """Whether to keep the connection: a request that may have changed something is answered first.

        A client that has disconnected looks like one that only stopped sending, so mere reads end at once.
        """
        last = self._last_whole
        is_kept = self.is_answering() and last is not None and (self.pipeline or not _is_safe(last))
        if is_kept:
            self._close_after_whole_requests()
        return bool(is_kept)

    def is_answering(self) -> bool:
        """Whether a request that was read whole waits for its response."""
        return self._last_whole is not None and not self._last_whole.response_complete

    def _is_idle(self) -> bool:
        # uvicorn's annotation leaves out that there is no cycle before the first request.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _is_next(self) -> bool:
        """Whether the next response belongs to the request that is arriving."""
        if self._arriving == "body":
            return not (self.pipeline or self.cycle.response_started)
        return self._is_idle()

    def _close_after_whole_requests(self) -> None:
        """Answer the requests that were read whole, if there are any, and close the connection."""
        if self._last_whole is None or self._last_whole.response_complete:
            self.transport.close()
            return
        if self.pipeline and self.pipeline[0][0] is not self._last_whole:
            # The request that is arriving will never be whole.
            self.pipeline.popleft()
        self._arriving = None
        self._last_whole.keep_alive = False

    def _close_after_response(self) -> None:
        """Close; a client that is still sending first gets time to read the response."""
        if self._arriving is None and not self._ignores_input:
            self.transport.close()
            return
        self.pipeline.clear()
        self._linger()

    def _linger(self) -> None:
        # If unread input were left at the close, the client might not receive the response.
        self._ignores_input = True
        self._cancel_deadline()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._deadline = self.loop.call_later(self.linger_s, self.transport.close)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _is_safe(cycle: RequestResponseCycle) -> bool:
    return cycle.scope["method"] in _SAFE_METHODS
