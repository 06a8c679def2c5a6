"""One HTTP request to an address that somebody gave: bounded in time, never redirected, its answer not read."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Self

import aiohttp
import msgspec

from aether.errors import RefusedDestinationError
from aether.outbound.dns import GuardedResolver, Lookup, look_up
from aether.outbound.ssrf_policy import SsrfPolicy
from aether.webhooks.retry_schedule import retry_after

_CONNECT_S = 5.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"Aether/{version('aether')}"}


class DeliveryResponse(msgspec.Struct, frozen=True):
    """How a request went: what was answered, in HTTP, if anything was, and what is wrong with that."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0


class WebhookHttpClient:
    """Posts bodies to where `destinations` lets them go; the environment's proxies are not asked."""

    def __init__(self, destinations: SsrfPolicy, session: aiohttp.ClientSession, within: float) -> None:
        self._destinations = destinations
        self._session = session
        self._within = within

    @classmethod
    @asynccontextmanager
    async def open(cls, destinations: SsrfPolicy, within: float, lookup: Lookup = look_up) -> AsyncIterator[Self]:
        """Open what it needs; an answer must come `within` these seconds, the lookup included."""
        resolver = GuardedResolver(destinations, lookup)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=0)
        timeout = aiohttp.ClientTimeout(total=within, connect=min(_CONNECT_S, within))
        jar = aiohttp.DummyCookieJar()
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as session:
                yield cls(destinations, session, within)
        finally:
            await resolver.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        """Send it, and say how that went."""
        began = time.monotonic()
        try:
            answer = await self._post(url, headers, body)
        except RefusedDestinationError as error:
            answer = DeliveryResponse(error=str(error))
        except TimeoutError:
            answer = DeliveryResponse(error=f"No answer came within {self._within:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer = DeliveryResponse(error=_reason(error))
        return msgspec.structs.replace(answer, seconds=round(time.monotonic() - began, 3))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        where = self._destinations.parse(url)
        # The body of the answer is left where it is: nothing is to be learnt from it, and it might have no end.
        async with self._session.post(
            where, data=body, headers={**_HEADERS, **headers}, allow_redirects=False
        ) as response:
            pause = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            return DeliveryResponse(response.status, _fault(response.status), pause)


def _fault(status: int) -> str | None:
    """Say what is wrong with an answer; that it leads elsewhere is, since elsewhere nobody was asked."""
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
