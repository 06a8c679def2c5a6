"""Bytes over HTTP, read as they come and no further than they may go."""

from collections.abc import AsyncIterator

import httpx2
import openai

from aether.adapters.openai.failures import TEXTS, retry_after, translated
from aether.errors import AetherError, ModelFailedError, UnusableOutputError

_SCHEMES = frozenset({"http", "https"})
_PORTS = range(1, 65_536)


async def fetched(web: httpx2.AsyncClient, address: str, most: int) -> bytes:
    """Return what is found at an address that a model server gave.

    The address is trusted as much as the server is; but nothing of this machine is read, and no key is sent.

    Raises:
        UnusableOutputError: it is no HTTP address, or what is there is too large.
        ModelFailedError, ModelUnreachableError: it could not be fetched.
    """
    try:
        url = httpx2.URL(address)
        if url.scheme not in _SCHEMES or (url.port is not None and url.port not in _PORTS):
            raise UnusableOutputError("its image has no HTTP address")
        async with web.stream("GET", url) as response:
            if not response.is_success:
                raise ModelFailedError(response.status_code, retry_after(response.headers))
            return await limited(response.aiter_bytes(), most)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise UnusableOutputError("its image has no HTTP address") from error
    except httpx2.RequestError as error:
        raise lost(error) from error


async def limited(pieces: AsyncIterator[bytes], most: int) -> bytes:
    """Put the pieces together.

    Raises:
        UnusableOutputError: there are more bytes than that; the rest is not read.
    """
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            raise UnusableOutputError(f"it is larger than {most} bytes")
    return bytes(body)


def lost(error: httpx2.RequestError, settings: str = TEXTS) -> AetherError:
    """Return the error of ours for a transfer that broke off where OpenAI's client does not look."""
    kind = openai.APITimeoutError if isinstance(error, httpx2.TimeoutException) else openai.APIConnectionError
    seen = kind(request=error.request)
    seen.__cause__ = error
    return translated(seen, settings)
