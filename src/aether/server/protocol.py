"""HTTP/1.1 as the API speaks it: uvicorn's, with an end to every wait and a limit to all that is kept of a request.

A request is refused here only for how it arrives; the answer is a problem like all others, and ends the connection.
"""

import asyncio
from typing import Any, Literal

import httptools
from litestar.types.asgi_types import RawHeadersList
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from aether.api.middleware.body_timeout import (
    WHOLE_BODY_S,
    MalformedRequestError,
    RequestTimeoutError,
    TooManyConnectionsError,
)
from aether.errors import AetherError
from aether.server.error_response import error_response
from aether.server.request_checks import LONGEST_HEAD, LONGEST_TARGET, check_head, oversize
from aether.server.slow_clients import SlowClientWatch
from aether.server.write_coalescing import CoalescedWrites

_DEEPEST_PIPELINE = 16
_FRAMING = (b"content-length", b"transfer-encoding")


class Protocol(HttpToolsProtocol):
    """One connection.

    `limit_concurrency` of the server's configuration is how many connections the process takes; `/health` is answered
    on more, so that nobody ends a process for being busy.
    """

    head_s = 10.0
    # The app has answered by then; this cuts off who goes on sending all the same.
    body_s = WHOLE_BODY_S + 5
    linger_s = 1.0
    watch = SlowClientWatch

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: as the overridden one
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # uvicorn's own check of it would answer in plain text, and probes too.
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._surplus = False
        self._arriving: Literal["head", "body"] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        # Bytes that have brought nothing yet: a head, a trailer or the extension of a chunk that is not at its end.
        self._pending = 0
        self._upgraded_body = b""
        self._deaf = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._reader = self.watch(transport)
        self._surplus = self._is_full()
        self._deadline = self.loop.call_later(self.head_s, self._give_up)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._end_waiting()
        self._reader.stop()

    @override
    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._pending += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(_reason(error))
        else:
            self._limit_arrival()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving = "head"

    @override
    def on_headers_complete(self) -> None:
        check_head(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
        if len(self.pipeline) >= _DEEPEST_PIPELINE:
            raise MalformedRequestError("Too many requests wait on this connection.")
        self._surplus = self._surplus and self._is_full()
        if self._surplus and not self.url.startswith(b"/health/"):
            raise TooManyConnectionsError
        if self.parser.should_upgrade():
            framing = [line for line in self.headers if line[0] in _FRAMING]
            self._upgraded_body = b"".join(b"%b: %b\r\n" % line for line in framing)
        super().on_headers_complete()
        self.cycle.transport = _Answer(self)
        # The parser goes on to tell trailers as if they were of the head, and the app has that list already.
        self.headers = []
        self._has_come("body")

    @override
    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if not self._upgraded_body:
            super().on_message_complete()
            self._has_come(None)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader.start()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._reader.stop()

    def _has_come(self, next_part: Literal["body"] | None) -> None:
        self._arriving = next_part
        self._pending = 0
        self._end_waiting()

    def _is_full(self) -> bool:
        return self._most is not None and len(self.connections) > self._most

    def _is_at_rest(self) -> bool:
        # uvicorn's type is of later, when there has been a request.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _limit_arrival(self) -> None:
        """See that what has begun to arrive does so within time and size."""
        if self._pending > LONGEST_HEAD:
            self._refuse(oversize(self.url, self.headers))
        elif self._deadline is None and (self._arriving or self._is_at_rest()):
            seconds = self.body_s if self._arriving == "body" else self.head_s
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self._arriving == "head":
            self._refuse(RequestTimeoutError())
        else:
            self.transport.close()

    def _go_on_without(self, rest: bytes) -> None:
        """Ignore that the client would like another protocol (RFC 9110, 7.8); clients of Java ask for HTTP/2 first.

        The parser has taken the request's body, if it has one, for that protocol.
        """
        framing, self._upgraded_body = self._upgraded_body, b""
        if framing:
            # This parser knows the end of the body, but no further request.
            self.cycle.keep_alive = False
            self.parser = httptools.HttpRequestParser(_Body(self))
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        self.data_received(rest)

    def end_body(self) -> None:
        """Take no more than what has come."""
        self.on_message_complete()
        self._deaf = True

    def _refuse(self, error: AetherError) -> None:
        """Answer, if it is this request's turn, and close once the client has had time to read that."""
        self._deaf = True
        self._end_waiting()
        if not self._is_next():
            self.transport.close()
            return
        if self._arriving == "body":
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        path = self.url.partition(b"?")[0] if self._arriving and len(self.url) <= LONGEST_TARGET else b""
        # uvicorn's type of the header is wider than what it puts there.
        asked: RawHeadersList = self.scope["headers"] if self._arriving else []  # type: ignore[assignment]
        head_only = self.parser.get_method() == b"HEAD"
        self.transport.write(
            error_response(error, path, asked, self.server_state.default_headers, without_body=head_only)
        )
        self._linger()

    def leave(self) -> None:
        """Close; before that, give a client that still sends a request which is answered the time to read that."""
        if self._arriving != "body":
            self.transport.close()
            return
        self.pipeline.clear()
        self._linger()

    def _linger(self) -> None:
        # Closing with something unread would take the answer away from the client.
        self._deaf = True
        self._end_waiting()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._deadline = self.loop.call_later(self.linger_s, self.transport.close)

    def _is_next(self) -> bool:
        """Whether what is sent next answers the request that is arriving."""
        if self._arriving == "body":
            return not (self.pipeline or self.cycle.response_started)
        return self._is_at_rest()


class _Answer(CoalescedWrites):
    """What one answer is written to."""

    def __init__(self, connection: Protocol) -> None:
        super().__init__(connection.transport, connection.loop)
        self._connection = connection

    @override
    def close(self) -> None:
        self._send(b"")
        self._connection.leave()


class _Body:
    """What a parser is to tell of a body whose head was read by another."""

    def __init__(self, connection: Protocol) -> None:
        self.on_body = connection.on_body
        self.on_message_complete = connection.end_body


def _reason(error: httptools.HttpParserError) -> AetherError:
    # What a callback raises comes wrapped.
    cause = error.__context__
    return cause if isinstance(cause, AetherError) else MalformedRequestError(f"This is not HTTP/1.1: {error}.")
