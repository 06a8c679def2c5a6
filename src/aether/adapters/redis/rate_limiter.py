"""Rate limiter on Redis: one key for each bucket that is not full, and one script."""

import math

from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import script
from aether.domain.access import Rate
from aether.services.rate_limit import RateLimitState

_TAKE = script("take_token")
_SECOND_US = 1_000_000


class RedisRateLimiter:
    """The `RateLimiter` for production."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def take(self, owner: str, rate: Rate) -> RateLimitState:
        """Run the script. It counts in whole microseconds, whose sums are exact."""
        # Rounded up, so that no bucket fills faster than the rate allows.
        interval_us = math.ceil(rate.seconds * _SECOND_US / rate.requests)
        with translate_redis_errors():
            granted, left, next_us, full_us = await _TAKE.run(self._client, [owner, rate.requests, interval_us])
        return RateLimitState(granted == 1, left, next_us / _SECOND_US, full_us / _SECOND_US)
