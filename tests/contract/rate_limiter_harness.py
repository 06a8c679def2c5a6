"""Rate limiter harness: each implementation of the port, with a clock that a test can move."""

from typing import Protocol

from redis.asyncio import Redis

from aether.adapters.redis.keys import BUCKET
from aether.adapters.redis.rate_limiter import RedisRateLimiter
from aether.services.rate_limit import RateLimiter
from tests.fake_rates import MemoryRateLimiter
from tests.fakes import FastClock

OWNER = "ada"


class RateLimiterHarness(Protocol):
    """A rate limiter and its clock."""

    @property
    def limiter(self) -> RateLimiter: ...

    async def reset(self) -> None:
        """Fill all buckets."""
        ...

    async def wait(self, seconds: float) -> None:
        """Move the clock forward for the owner's buckets; a negative number sets it back."""
        ...


class MemoryRateLimiterHarness:
    def __init__(self) -> None:
        self.clock = FastClock()
        self.limiter = MemoryRateLimiter(self.clock)

    async def reset(self) -> None:
        self.limiter.full_at.clear()

    async def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds


class RedisRateLimiterHarness:
    """The server's clock cannot be moved, so the buckets are; rates are per hour, so real time does not matter."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.limiter = RedisRateLimiter(client)

    async def reset(self) -> None:
        await self.client.flushall()

    async def wait(self, seconds: float) -> None:
        async for bucket in self.client.scan_iter(f"*{BUCKET}*:{OWNER}"):
            full_at = int(await self.client.get(bucket) or 0)
            await self.client.set(bucket, str(full_at - round(seconds * 1_000_000)), keepttl=True)
