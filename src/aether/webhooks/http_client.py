"""HTTP client for webhooks: bounded in time, follows no redirects, and does not read response bodies."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

import aiohttp
import msgspec

from aether import __version__
from aether.errors import RefusedDestinationError
from aether.outbound.dns import GuardedResolver, Lookup, lookup_host
from aether.outbound.ssrf_policy import SsrfPolicy
from aether.webhooks.retry_schedule import retry_after

_CONNECT_TIMEOUT_S = 5.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"Aether/{__version__}"}


class DeliveryResponse(msgspec.Struct, frozen=True):
    """Outcome of a request: the HTTP status, if there was an answer, and an `error` unless it was a success."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0


class WebhookHttpClient:
    """Posts to URLs that the SSRF policy allows; ignores proxy settings in the environment."""

    def __init__(self, policy: SsrfPolicy, session: aiohttp.ClientSession, timeout_s: float) -> None:
        self._policy = policy
        self._session = session
        self._timeout_s = timeout_s

    @classmethod
    @asynccontextmanager
    async def open(cls, policy: SsrfPolicy, timeout_s: float, lookup: Lookup = lookup_host) -> AsyncIterator[Self]:
        """Open a client; `timeout_s` bounds each request, the DNS lookup included."""
        resolver = GuardedResolver(policy, lookup)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=0)
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s))
        jar = aiohttp.DummyCookieJar()
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as session:
                yield cls(policy, session, timeout_s)
        finally:
            await resolver.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        """Send the request; failures are returned, not raised."""
        started = time.monotonic()
        try:
            outcome = await self._post(url, headers, body)
        except RefusedDestinationError as error:
            outcome = DeliveryResponse(error=str(error))
        except TimeoutError:
            outcome = DeliveryResponse(error=f"No answer came within {self._timeout_s:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome = DeliveryResponse(error=_reason(error))
        return msgspec.structs.replace(outcome, seconds=round(time.monotonic() - started, 3))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        target = self._policy.parse(url)
        # The response body is not read: it has no meaning here, and might never end.
        async with self._session.post(
            target, data=body, headers={**_HEADERS, **headers}, allow_redirects=False
        ) as response:
            pause = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            return DeliveryResponse(response.status, _error_for(response.status), pause)


def _error_for(status: int) -> str | None:
    """Describe why a status is not a success; a redirect is an error, because nobody approved its target."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"The receiver answered {status}; redirects are not followed."
    return f"The receiver answered {status}."


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "The host's name has no address."
        case aiohttp.ClientConnectorCertificateError():
            return "The receiver's certificate is not valid."
        case aiohttp.ClientConnectorSSLError():
            return "No secure connection came about."
        case aiohttp.ClientConnectorError():
            return "The receiver could not be reached."
        case aiohttp.ServerDisconnectedError() | asyncio.IncompleteReadError() | OSError():
            return "The receiver broke the connection off."
        case _:
            return "The receiver did not answer in HTTP."
