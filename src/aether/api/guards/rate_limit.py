"""How often each owner may ask, and what every answer says of it (draft-ietf-httpapi-ratelimit-headers-11)."""

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
    """A guard that takes a token of the caller's for each request that is not public.

    `rate` is for callers who have none of their own; with neither, nobody is asked. A refused request takes none.
    While the buckets cannot be reached, requests pass after `patience_s`: what they need is as far away.
    """

    def __init__(self, rate: Rate | None, patience_s: float = 2.0) -> None:
        self._rate = rate
        self._patience_s = patience_s
        self._away = False

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let the request pass, or not.

        Raises:
            RateLimitedError: no token is left.
        """
        if is_public(connection, handler):
            return
        caller = caller_of(connection)
        rate = caller.quota.rate or self._rate
        if rate is None:
            return
        tokens = await self._taken(services_of(connection).limiter, caller.owner, rate)
        if tokens is None:
            return
        connection.scope["state"]["headers"] |= _headers(rate, tokens)
        if not tokens.granted:
            raise RateLimitedError(rate.requests, rate.seconds, tokens.next_s)

    async def _taken(self, limiter: RateLimiter, owner: str, rate: Rate) -> RateLimitState | None:
        try:
            async with asyncio.timeout(self._patience_s):
                tokens = await limiter.take(owner, rate)
        except StoreUnavailableError as error:
            self._suspend(error.what)
        except TimeoutError:
            self._suspend("timeout")
        else:
            self._away = False
            return tokens
        return None

    def _suspend(self, reason: str) -> None:
        # One line for an outage, not one for each request.
        if not self._away:
            log.warning("rate_limit.suspended", reason=reason)
        self._away = True


def _headers(rate: Rate, tokens: RateLimitState) -> dict[str, str]:
    # A client may use what is left, and wait no longer than it must when nothing is; Retry-After says the same then.
    window_s = tokens.full_s if tokens.left else tokens.next_s
    return {
        "RateLimit-Policy": f'"requests";q={rate.requests};w={math.ceil(rate.seconds)}',
        "RateLimit": f'"requests";r={tokens.left};t={math.ceil(window_s)}',
    }
