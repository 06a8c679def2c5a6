"""Server: the API's listening socket, and uvicorn on it."""

import math
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address

import uvicorn
from typing_extensions import override

from aether.app import Api
from aether.bootstrap.authentication import requires_credentials
from aether.errors import ConfigurationError, StoreUnavailableError
from aether.outbound.addresses import is_loopback
from aether.server.connection_limit import ConnectionLimit
from aether.server.fd_limit import raise_fd_limit
from aether.server.protocol import Protocol
from aether.server.proxy_headers import ProxyHeaders
from aether.settings import Settings

_USER_TIMEOUT_MS = 20_000
# Longer than proxies keep idle connections, so that a proxy never sends a request on one that was just closed.
_KEEP_ALIVE_S = 75


@contextmanager
def bound_socket(settings: Settings) -> Iterator[socket.socket]:
    """Bind a socket to the configured address; connections are refused until the server listens on it.

    Raises:
        ConfigurationError: the address is in use or unknown.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Only the kernel can close the connection of a client that reads nothing: until written data is
            # acknowledged, a socket stays open even after `close`. Connections inherit the option.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
        try:
            listener.bind(address)
        except OSError as error:
            raise _cannot_listen(settings, error) from error
        yield listener


def local_url(listener: socket.socket) -> str:
    """Return the URL at which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - IPv4
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A server that handles no signals; set `should_exit` to stop it."""

    def __init__(self, app: Api, settings: Settings) -> None:
        self._app = app
        limit = ConnectionLimit(raise_fd_limit(settings.max_connections))
        super().__init__(
            uvicorn.Config(
                ProxyHeaders(app, settings.trusted_proxies),
                loop="uvloop",
                http=partial(Protocol, limit=limit),  # type: ignore[arg-type]  # uvicorn only calls it
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                # A pipelined request would otherwise inherit what the one before it has bound to the log.
                reset_contextvars=True,
                timeout_graceful_shutdown=math.ceil(settings.shutdown_grace),
            )
        )

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and long polls first, since uvicorn waits for open requests."""
        self._app.end_waiting()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Install no signal handlers."""
        yield


async def check_exposure(settings: Settings, listener: socket.socket) -> None:
    """Check that only this machine reaches the socket, or callers need credentials, or the settings allow everybody.

    Raises:
        ConfigurationError: other machines reach it, and no credentials exist yet.
    """
    if settings.allow_anonymous or is_loopback(listener.getsockname()[0].partition("%")[0]):
        return
    # While the store is unavailable, the API rejects each request anyway.
    with suppress(StoreUnavailableError):
        if not await requires_credentials(settings):
            raise ConfigurationError(
                f"Whoever reaches {settings.host} needs a key, and there is none. Create one with `aether keys create "
                "NAME`, listen on 127.0.0.1, or set AETHER_ALLOW_ANONYMOUS=true to let in everybody."
            )


def _cannot_listen(settings: Settings, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"Cannot listen on {settings.host}, port {settings.port} ({error.strerror}). "
        "Choose another with --host and --port, or AETHER_HOST and AETHER_PORT."
    )
