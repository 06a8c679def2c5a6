"""HTTP transport of a model server, for OpenAI's client: aiohttp with limits, and without cookies and redirects.

OpenAI's own aiohttp transport keeps cookies in a jar that all callers share, lets some of aiohttp's errors through, and
reads answers of any size.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import msgspec
import structlog
from typing_extensions import override
from yarl import URL

from aether.adapters.openai.body import read_beginning, read_pieces
from aether.adapters.openai.transport_errors import ServerLabel, translated_errors

_MAX_ERROR_BYTES = 65_536
_ERROR_TIMEOUT_S = 5.0
_OK = range(200, 300)
_opened: ContextVar[list[socket.socket]] = ContextVar("opened")
"""The connections that the current request has opened, in all tasks that it consists of."""

log = structlog.get_logger()


class TransportLimits(msgspec.Struct, frozen=True):
    """Limits of a transport.

    Attributes:
        max_bytes: the bytes of an answer, which are set in `setting`.
        connections: the number of connections.
        receive_buffer: the bytes that the kernel keeps for a connection. aiohttp parses all of them before anything
            else can happen, so they bound how long an answer holds the event loop.
        keepalive_s: how long an idle connection stays open: less than the 5 s after which many servers close it.
    """

    max_bytes: int
    connections: int
    setting: str = ""
    receive_buffer: int = 32_768
    keepalive_s: float = 4.0


class ErrorAnswer(Exception):  # noqa: N818 - an answer of the server, which `errors` translates
    """An answer with another status than 2xx: its headers, and the beginning of its body."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class ModelTransport(httpx2.AsyncBaseTransport):
    """Sends requests to one server; `setting` is where its address is set.

    Connections are kept open and used again, until one proves to have been closed by the server while it was idle.
    """

    def __init__(self, origin: str, limits: TransportLimits, setting: str) -> None:
        self._server = ServerLabel(httpx2.URL(origin).host, setting)
        self._proxy = proxy_of(origin)
        self._limits = limits
        self._tls = httpx2.create_ssl_context()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._closes = False

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return its answer, whose body is read later.

        Raises:
            ErrorAnswer: the status is not 2xx.
            ModelUnreachableError: there is no answer, or none in HTTP.
        """
        with translated_errors(self._server):
            response = await self._send(request)
            if response.status not in _OK:
                raise await _error_answer(response)
        stream = _BodyStream(response, self._limits, self._server)
        return httpx2.Response(response.status, stream=stream, extensions={BODY: stream})

    async def _send(self, request: httpx2.Request) -> aiohttp.ClientResponse:
        """Send a request; again if a connection that the server has closed could not take all of it.

        llama.cpp closes the connection after each stream, and others after a few idle seconds. If such a connection
        has taken a request, nobody knows whether the server has read it: only the engine may repeat it, on record.
        """
        opened: list[socket.socket] = []
        _opened.set(opened)
        try:
            return await self._request(request)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if opened:
                raise
            self._reuse_no_connections()
            if not isinstance(error.__cause__ or error, aiohttp.ClientConnectionResetError):
                raise
        return await self._request(request)

    async def _request(self, request: httpx2.Request) -> aiohttp.ClientResponse:
        timeout = request.extensions.get("timeout", {})
        return await self._session().request(
            request.method,
            str(request.url),
            headers=request.headers,
            data=request.content or None,
            allow_redirects=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                sock_connect=timeout.get("connect"), sock_read=timeout.get("read"), connect=timeout.get("pool")
            ),
            proxy=self._proxy,
        )

    def _reuse_no_connections(self) -> None:
        if not self._closes:
            self._closes = True
            log.info("model.connections_not_reused", server=self._server.host)

    @override
    async def aclose(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        """Return the session for the next request; it needs a running event loop, so it is not opened earlier."""
        if self._closes not in self._sessions:
            connector = aiohttp.TCPConnector(
                limit=self._limits.connections,
                ssl=self._tls,
                socket_factory=partial(_open_socket, self._limits.receive_buffer),
                **({"force_close": True} if self._closes else {"keepalive_timeout": self._limits.keepalive_s}),
            )
            self._sessions[self._closes] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._sessions[self._closes]


BODY = "aether.body"
"""The extension of a response that is its body; httpx2 would wrap each piece of it in two more generators."""


class _BodyStream(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, limits: TransportLimits, server: ServerLabel) -> None:
        self._response = response
        self._limits = limits
        self._server = server

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        with translated_errors(self._server):
            async for piece in read_pieces(self._response, self._limits.max_bytes, self._limits.setting):
                yield piece

    @override
    async def aclose(self) -> None:
        # Closes the connection, unless the answer was read to its end.
        self._response.close()


def proxy_of(url: str) -> str | None:
    """Return the HTTP proxy that the environment names for a URL, if any."""
    parsed = URL(url)
    proxies = getproxies()
    proxy = proxies.get(parsed.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{parsed.host}:{parsed.port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


async def _error_answer(response: aiohttp.ClientResponse) -> ErrorAnswer:
    try:
        body = await read_beginning(response, _MAX_ERROR_BYTES, _ERROR_TIMEOUT_S)
    finally:
        response.close()
    return ErrorAnswer(response.status, response.reason or "", response.headers, body)


def _open_socket(receive_buffer: int, address: Any) -> socket.socket:  # Any: aiohttp's type has no public name
    family, kind, protocol, *_ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    _opened.get().append(opened)
    return opened
