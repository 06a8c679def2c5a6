"""The API's listening socket and the server behind it."""

import math
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address

import uvicorn
from typing_extensions import override

from aether.app import Api
from aether.bootstrap.access import requires_credentials
from aether.errors import ConfigurationError, StoreUnavailableError
from aether.server.fd_limit import raise_fd_limit
from aether.server.protocol import Protocol
from aether.settings import Settings

_LONGEST_UNREAD_MS = 20_000
# Longer than a proxy keeps a connection for later, so that it is never the one to find it closed.
_IDLE_S = 75


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Bind the address that the settings name; connections are refused until the server takes the socket over.

    Raises:
        ConfigurationError: the address is taken or unknown.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(settings, error) from error
    with door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Whoever reads nothing of what waits for it is cut off by the kernel, which alone can: what was written to
            # a socket holds it open. Connections inherit it.
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LONGEST_UNREAD_MS)
        try:
            door.bind(address)
        except OSError as error:
            raise _unusable(settings, error) from error
        yield door


def url_of(door: socket.socket) -> str:
    """Return the URL under which this machine reaches the socket."""
    host, port = door.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - IPv4
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A server that leaves the signals to whoever runs it, and is told to end by `should_exit`."""

    def __init__(self, app: Api, settings: Settings) -> None:
        self._app = app
        raise_fd_limit(settings.max_connections)
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=settings.trusted_proxies,
                limit_concurrency=settings.max_connections,
                timeout_keep_alive=_IDLE_S,
                timeout_graceful_shutdown=math.ceil(settings.shutdown_grace),
            )
        )

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is held open first: uvicorn waits for requests, and a stream would go on."""
        self._app.end_waiting()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take none."""
        yield


async def refuse_strangers(settings: Settings, door: socket.socket) -> None:
    """See that whoever reaches the socket is of this machine, or needs a key, or is let in by the settings.

    Raises:
        ConfigurationError: anybody could reach it, and nobody could call it.
    """
    if settings.allow_anonymous or ip_address(door.getsockname()[0].partition("%")[0]).is_loopback:
        return
    # Without an answer each request is refused until there is one.
    with suppress(StoreUnavailableError):
        if not await requires_credentials(settings):
            raise ConfigurationError(
                f"Whoever reaches {settings.host} needs a key, and there is none. Create one with `aether keys create "
                "NAME`, listen on 127.0.0.1, or set AETHER_ALLOW_ANONYMOUS=true to let in everybody."
            )


def _unusable(settings: Settings, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"Cannot listen on {settings.host}, port {settings.port} ({error.strerror}). "
        "Choose another with --host and --port, or AETHER_HOST and AETHER_PORT."
    )
