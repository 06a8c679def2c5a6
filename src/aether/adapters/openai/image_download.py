"""Image download: fetching an image from an address that a model server gave instead of the image."""

import httpx2

from aether.adapters.openai.errors import parse_retry_after, translate_transport_error
from aether.errors import ModelFailedError, UnusableOutputError
from aether.outbound.bounded_read import read_bounded

_SCHEMES = frozenset({"http", "https"})
_PORTS = range(1, 65_536)


async def download_image(web: httpx2.AsyncClient, address: str, max_bytes: int) -> bytes:
    """Return the body found at the address.

    The address is trusted as much as the model server that gave it. Still, only HTTP is followed, so no local file is
    read; and `web` must not send the model server's key.

    Raises:
        UnusableOutputError: it is not an HTTP address, or the body is larger than `max_bytes`.
        ModelFailedError, ModelUnreachableError: the download failed.
    """
    try:
        url = httpx2.URL(address)
        if url.scheme not in _SCHEMES or (url.port is not None and url.port not in _PORTS):
            raise UnusableOutputError("its image has no HTTP address")
        async with web.stream("GET", url) as response:
            if not response.is_success:
                raise ModelFailedError(response.status_code, parse_retry_after(response.headers))
            return await read_bounded(response.aiter_bytes(), max_bytes, image_too_large(max_bytes))
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise UnusableOutputError("its image has no HTTP address") from error
    except httpx2.RequestError as error:
        raise translate_transport_error(error) from error


def image_too_large(max_bytes: int) -> UnusableOutputError:
    """Return the error for an image, or an answer that holds one, of more than `max_bytes`."""
    return UnusableOutputError(f"it is larger than {max_bytes} bytes")
