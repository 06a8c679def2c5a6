"""Fake rates: a rate limiter in memory; the contract tests run over it as over the real one."""

import asyncio
from dataclasses import dataclass, field
from fractions import Fraction

from aether.domain.access import Rate
from aether.durable.ports import Clock
from aether.errors import StoreUnavailableError
from aether.services.rate_limit import RateLimitState
from tests.fakes import FastClock


@dataclass
class MemoryRateLimiter:
    """A `RateLimiter` that stores when each bucket will be full; `owners` contains the owner of each call.

    If `is_unavailable`, it raises; if `is_unresponsive`, it never responds.
    """

    clock: Clock = field(default_factory=FastClock)
    full_at: dict[tuple[str, Rate], Fraction] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)
    is_unavailable: bool = False
    is_unresponsive: bool = False

    async def take(self, owner: str, rate: Rate) -> RateLimitState:
        self.owners.append(owner)
        await (asyncio.Event().wait() if self.is_unresponsive else asyncio.sleep(0))
        if self.is_unavailable:
            raise StoreUnavailableError("away")
        now, seconds = Fraction(self.clock.monotonic()), Fraction(rate.seconds)
        missing = min(max(self.full_at.get((owner, rate), now) - now, Fraction(0)), seconds) * rate.requests / seconds
        granted = missing + 1 <= rate.requests
        missing += granted
        left = int(rate.requests - missing)
        next_s = (left + 1 - (rate.requests - missing)) * seconds / rate.requests
        full_s = missing * seconds / rate.requests
        self.full_at[owner, rate] = now + full_s
        return RateLimitState(granted, left, float(next_s), float(full_s))
