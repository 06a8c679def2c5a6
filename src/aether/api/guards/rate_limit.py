"""Rate limit guard: limits each owner's requests, and reports the limit in every response.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11.
"""

import asyncio
import math

import structlog
from litestar.handlers import BaseRouteHandler

from aether.api.guards.authentication import caller_of, is_public
from aether.api.guards.request_validation import Connection
from aether.api.state import services_of
from aether.domain.access import Rate
from aether.errors import RateLimitedError, StoreUnavailableError
from aether.services.rate_limit import RateLimiter, RateLimitState

log = structlog.get_logger()


class RateLimitGuard:
    """Takes one of the owner's tokens for each request that is not public.

    `rate` is for callers without a rate of their own; without either there is no limit. A rejected request takes no
    token. While the rate limiter is unavailable, requests pass after `timeout_s`; the store that they need is most
    likely unavailable too.
    """

    def __init__(self, rate: Rate | None, timeout_s: float = 2.0) -> None:
        self._rate = rate
        self._timeout_s = timeout_s
        self._is_suspended = False

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Take a token.

        Raises:
            RateLimitedError: no token is left.
        """
        if is_public(connection, handler):
            return
        caller = caller_of(connection)
        rate = caller.quota.rate or self._rate
        if rate is None:
            return
        state = await self._take(services_of(connection).limiter, caller.owner, rate)
        if state is None:
            return
        connection.scope["state"]["headers"] |= _headers(rate, state)
        if not state.granted:
            raise RateLimitedError(rate.requests, rate.seconds, state.next_s)

    async def _take(self, limiter: RateLimiter, owner: str, rate: Rate) -> RateLimitState | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                state = await limiter.take(owner, rate)
        except StoreUnavailableError as error:
            self._suspend(error.what)
        except TimeoutError:
            self._suspend("timeout")
        else:
            self._is_suspended = False
            return state
        return None

    def _suspend(self, reason: str) -> None:
        # One line for each outage, not for each request.
        if not self._is_suspended:
            log.warning("rate_limit.suspended", reason=reason)
        self._is_suspended = True


def _headers(rate: Rate, state: RateLimitState) -> dict[str, str]:
    # With no token left, it is the time until the next one, as in Retry-After, so that clients do not wait too long.
    window_s = state.full_s if state.left else state.next_s
    return {
        "RateLimit-Policy": f'"requests";q={rate.requests};w={math.ceil(rate.seconds)}',
        "RateLimit": f'"requests";r={state.left};t={math.ceil(window_s)}',
    }
