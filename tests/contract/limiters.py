"""Limiters whose time a test can let pass."""

from typing import Protocol

from redis.asyncio import Redis

from aether.adapters.redis.keys import BUCKET
from aether.adapters.redis.rate_limiter import RedisRateLimiter
from aether.services.rate_limit import RateLimiter
from tests.fake_rates import MemoryRateLimiter
from tests.fakes import FastClock

OWNER = "ada"


class LimiterBench(Protocol):
    """A limiter and its time."""

    @property
    def limiter(self) -> RateLimiter: ...

    async def reset(self) -> None:
        """Fill all buckets."""
        ...

    async def wait(self, seconds: float) -> None:
        """Let time pass for the owner; it may be negative, as when a clock is set back."""
        ...


class MemoryLimiterBench:
    def __init__(self) -> None:
        self.clock = FastClock()
        self.limiter = MemoryRateLimiter(self.clock)

    async def reset(self) -> None:
        self.limiter.full_at.clear()

    async def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds


class RedisLimiterBench:
    """The server's own time goes on beside; a rate of hours does not notice."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.limiter = RedisRateLimiter(client)

    async def reset(self) -> None:
        await self.client.flushall()

    async def wait(self, seconds: float) -> None:
        async for bucket in self.client.scan_iter(f"{BUCKET}*:{OWNER}"):
            full_at = int(await self.client.get(bucket) or 0)
            await self.client.set(bucket, str(full_at - round(seconds * 1_000_000)), keepttl=True)
