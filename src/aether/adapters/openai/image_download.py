"""Image download: fetching an image from an address that a model server gave instead of the image."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
import httpx2
from yarl import URL

from aether.adapters.openai.body import read_pieces
from aether.adapters.openai.retry_delay import parse_retry_after
from aether.adapters.openai.transport import proxy_of
from aether.adapters.openai.transport_errors import ServerLabel, translated_errors
from aether.errors import ModelFailedError, ModelUnreachableError, RefusedDestinationError, UnusableOutputError
from aether.outbound.dns import GuardedResolver, Lookup, lookup_host
from aether.outbound.ssrf_policy import SsrfPolicy

_MAX_REDIRECTS = 3
_MAX_URL = 8_192  # signed addresses are long
_OK, _REDIRECTS = range(200, 300), frozenset({301, 302, 303, 307, 308})


class ImageDownload:
    """Downloads images from the public internet, and from the server that makes them.

    A model server is not trusted further than that: it must not make Aether call, or describe, what only this host can
    reach. So each address, of redirects too, is checked by the SSRF policy, and every refusal has the same words. No
    key, header or cookie of the model server is sent.
    """

    def __init__(self, session: aiohttp.ClientSession, policy: SsrfPolicy, max_bytes: int) -> None:
        self._session = session
        self._policy = policy
        self._max_bytes = max_bytes

    @classmethod
    @asynccontextmanager
    async def open(
        cls, origin: str, max_bytes: int, timeouts: httpx2.Timeout, lookup: Lookup = lookup_host
    ) -> AsyncIterator[Self]:
        """Open the HTTP client; `origin` is that of the server that makes the images, which may be a private host."""
        server = URL(origin)
        own = f"{_bracketed(server.host or '')}:{server.port}"
        policy = SsrfPolicy([own], max_url_length=_MAX_URL)
        proxies = filter(None, (proxy_of("http://public.invalid"), proxy_of("https://public.invalid")))
        hosts = [f"{_bracketed(URL(proxy).host or '')}:{URL(proxy).port}" for proxy in proxies]
        resolver = GuardedResolver(SsrfPolicy([own, *hosts]), lookup)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, ssl=httpx2.create_ssl_context())
        seconds = aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect, sock_read=timeouts.read)
        jar = aiohttp.DummyCookieJar()
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=seconds, cookie_jar=jar) as session:
                yield cls(session, policy, max_bytes)
        finally:
            await resolver.close()

    async def fetch(self, address: str) -> bytes:
        """Return the body found at the address.

        Raises:
            UnusableOutputError: the address may not be called, or the body is too large.
            ModelFailedError, ModelUnreachableError: the download failed.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            url = self._check(address)
            with translated_errors(ServerLabel(url.host or "", "the address of the image")):
                try:
                    async with self._session.get(
                        url, allow_redirects=False, auto_decompress=False, proxy=proxy_of(str(url))
                    ) as response:
                        if response.status not in _REDIRECTS or "Location" not in response.headers:
                            return await self._read(response)
                        address = _join(url, response.headers["Location"])
                except (RefusedDestinationError, aiohttp.ClientConnectorDNSError) as error:
                    # Whether a name exists in a private network is not told either.
                    raise _refused() from error
        raise ModelUnreachableError(f"its image is behind more than {_MAX_REDIRECTS} redirects")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status not in _OK:
            raise ModelFailedError(response.status, parse_retry_after(response.headers))
        content = bytearray()
        async for piece in read_pieces(response, self._max_bytes):
            content += piece
        return bytes(content)

    def _check(self, address: str) -> URL:
        try:
            return self._policy.parse(str(URL(address)))
        except (RefusedDestinationError, ValueError, IndexError) as error:
            raise _refused() from error


def _join(url: URL, location: str) -> str:
    try:
        return str(url.join(URL(location)))
    except (ValueError, IndexError) as error:
        raise _refused() from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refused() -> UnusableOutputError:
    return UnusableOutputError("its image has no public HTTP address")
