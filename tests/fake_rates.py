"""Buckets in a dictionary; the same contract tests run over them and over the real ones."""

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
    """A `RateLimiter` that knows of each bucket when it is full; `asked` holds who asked, in order.

    One that is `away` says so; one that is `silent` says nothing at all.
    """

    clock: Clock = field(default_factory=FastClock)
    full_at: dict[tuple[str, Rate], Fraction] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    silent: bool = False

    async def take(self, owner: str, rate: Rate) -> RateLimitState:
        self.asked.append(owner)
        await (asyncio.Event().wait() if self.silent else asyncio.sleep(0))
        if self.away:
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
