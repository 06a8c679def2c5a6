"""HTTP/1.1 protocol: uvicorn's, with a time limit for each wait and a size limit for what is kept of a request.

Requests are rejected here only for how they arrive. The response is a problem like all others, and closes the
connection.
"""

import asyncio
from typing import Any, Literal

import httptools
from litestar.types.asgi_types import RawHeadersList
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.server import ServerState

from aether.api.http.request_errors import MalformedRequestError, RequestTimeoutError, TooManyConnectionsError
from aether.api.middleware.body_timeout import WHOLE_BODY_S
from aether.errors import AetherError
from aether.server.closing import ClosingProtocol
from aether.server.connection_limit import ConnectionLimit
from aether.server.error_response import error_response
from aether.server.request_checks import MAX_HEAD_BYTES, MAX_TARGET_BYTES, check_head, oversize_error
from aether.server.response_transport import ResponseTransport
from aether.server.slow_clients import SlowClientWatch

_MAX_PIPELINED = 16
_FRAMING_HEADERS = (b"content-length", b"transfer-encoding")


class Protocol(ClosingProtocol):
    """One connection.

    `limit` is how many the process serves. `/health` is answered on further ones too, so that no supervisor restarts a
    process for being busy.
    """

    head_timeout_s = 10.0
    # By then the app has answered; this closes the connection of a client that goes on sending.
    body_timeout_s = WHOLE_BODY_S + 5
    slow_client_watch = SlowClientWatch

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: as the overridden one
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limit: ConnectionLimit | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limit = limit or ConnectionLimit()
        self._is_surplus = False
        # Bytes since the last part that was complete, such as a head, a trailer or the extension of a chunk.
        self._incomplete_bytes = 0
        self._upgrade_framing = b""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._client_watch = self.slow_client_watch(transport)
        self._start_deadline()
        if self._limit.is_exceeded(self.connections):
            self._is_surplus = True
            self._limit.add_surplus(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._limit.remove_surplus(self)
        self._client_watch.stop()

    @override
    def data_received(self, data: bytes) -> None:
        if self._ignores_input:
            return
        self._unset_keepalive_if_required()
        self._incomplete_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._reject(_cause(error))
        else:
            self._enforce_limits()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving = "head"

    @override
    def on_headers_complete(self) -> None:
        check_head(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise MalformedRequestError("Too many requests wait on this connection.")
        if self._is_surplus:
            self._check_surplus()
        if self.parser.should_upgrade():
            framing = [header for header in self.headers if header[0] in _FRAMING_HEADERS]
            self._upgrade_framing = b"".join(b"%b: %b\r\n" % header for header in framing)
        super().on_headers_complete()
        self.cycle.transport = ResponseTransport(self.transport, self._close_after_response, self.loop)
        # The parser reports trailers as if they were headers, and the app already has this list.
        self.headers = []
        self._expect("body")

    @override
    def on_body(self, body: bytes) -> None:
        self._incomplete_bytes = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if not self._upgrade_framing:
            super().on_message_complete()
            self._expect(None)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._client_watch.start()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._client_watch.stop()

    def _expect(self, next_part: Literal["body"] | None) -> None:
        self._arriving = next_part
        self._incomplete_bytes = 0
        self._cancel_deadline()

    def _check_surplus(self) -> None:
        """Reject the request that has arrived, unless others have disconnected or it is a health check."""
        if not self._limit.is_exceeded(self.connections):
            self._is_surplus = False
            self._limit.remove_surplus(self)
        elif not self.url.startswith(b"/health/"):
            raise TooManyConnectionsError

    def make_room(self) -> None:
        """Close at once, after a response if none was sent."""
        if self._last_whole is None and not self._ignores_input:
            self._reject(TooManyConnectionsError())
        self.transport.close()

    def _enforce_limits(self) -> None:
        """Limit the size and the time of what has begun to arrive."""
        if self._incomplete_bytes > MAX_HEAD_BYTES:
            self._reject(oversize_error(self.url, self.headers))
        elif self._deadline is None and (self._arriving or self._is_idle()):
            self._start_deadline()

    def _start_deadline(self) -> None:
        seconds = self.body_timeout_s if self._arriving == "body" else self.head_timeout_s
        self._deadline = self.loop.call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        if self.is_answering():
            # Meanwhile, the server may not read on.
            self._start_deadline()
        elif self._arriving == "head":
            self._reject(RequestTimeoutError())
        else:
            self.transport.close()

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Stay with HTTP/1.1 although the client offers another protocol (RFC 9110, 7.8), as Java's clients do first.

        The parser leaves the request's body, if there is one, to the other protocol.
        """
        framing, self._upgrade_framing = self._upgrade_framing, b""
        if framing:
            # A new parser reads this body to its end, but no further request.
            self.cycle.keep_alive = False
            self.parser = httptools.HttpRequestParser(_BodyCallbacks(self))
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        self.data_received(rest)

    def end_body(self) -> None:
        """End the request, and ignore what follows it."""
        self.on_message_complete()
        self._ignores_input = True

    def _reject(self, error: AetherError) -> None:
        """Close the connection, after a response if it is this request's turn, or after those that come before it."""
        self._ignores_input = True
        self._cancel_deadline()
        if not self._is_next():
            self._close_after_whole_requests()
            return
        if self._arriving == "body":
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        path = self.url.partition(b"?")[0] if self._arriving and len(self.url) <= MAX_TARGET_BYTES else b""
        # uvicorn's annotation is wider than what it stores.
        headers: RawHeadersList = self.scope["headers"] if self._arriving else []  # type: ignore[assignment]
        with_body = self.parser.get_method() != b"HEAD"
        self.transport.write(
            error_response(error, path, headers, self.server_state.default_headers, with_body=with_body)
        )
        self._linger()


class _BodyCallbacks:
    """The callbacks of a parser for a body whose head another parser has read."""

    def __init__(self, connection: Protocol) -> None:
        self.on_body = connection.on_body
        self.on_message_complete = connection.end_body


def _cause(error: httptools.HttpParserError) -> AetherError:
    # The parser wraps what a callback raises.
    cause = error.__context__
    return cause if isinstance(cause, AetherError) else MalformedRequestError(f"This is not HTTP/1.1: {error}.")
