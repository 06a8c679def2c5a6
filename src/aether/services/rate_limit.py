"""Rate limit of an owner's requests: the port of the limiter."""

from typing import Protocol

import msgspec

from aether.domain.access import Rate


class RateLimitState(msgspec.Struct, frozen=True):
    """A token bucket right after a request for a token.

    `left` is the number of whole tokens in it; `next_s` and `full_s` are the seconds until it has one more and until it
    is full.
    """

    granted: bool
    left: int
    next_s: float
    full_s: float


class RateLimiter(Protocol):
    """Keeps one token bucket for each owner and rate, shared by all processes; a new bucket is full.

    A bucket refills evenly, by the store's clock. In any period, at most the bucket's size plus the refill of that
    period is granted, however many requests are concurrent.
    """

    async def take(self, owner: str, rate: Rate) -> RateLimitState:
        """Take a token from the owner's bucket for this rate, if there is one; a refused request takes none.

        Raises:
            StoreUnavailableError: the buckets cannot be reached.
        """
        ...
