"""A receiver of webhooks: a real HTTP server on loopback that answers as it is told and keeps what it got."""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Reply:
    """How to answer; `endless` never comes to an end, `stall_s` is how long nothing comes at all."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    endless: bool = False
    stall_s: float = 0.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:  # the payload, asserted field by field
        """Return the payload as the reference library does, which raises if it is not signed by this secret."""
        return Webhook(secret).verify(self.body, dict(self.headers))


class Receiver:
    """`replies` are given in turn, and the last one for ever; with a `certificate`, and the key in it, over TLS."""

    def __init__(self, *replies: Reply, certificate: Path | None = None) -> None:
        self.replies = list(replies or (Reply(),))
        self.received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._take))
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def url(self, host: str = "localhost") -> str:
        return f"http://{host}:{self.port}/hook"

    def _take(self, request: Received) -> Reply:
        self.received.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(take: Callable[[Received], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = take(Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(reply.stall_s)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            while reply.endless and self._is_written():
                pass

        do_GET = do_POST  # noqa: N815 - as above

        def _is_written(self) -> bool:
            try:
                self.wfile.write(bytes(65_536))
            except OSError:
                return False
            return True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
            pass

    return Handler
