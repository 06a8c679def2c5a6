"""How often an owner may ask."""

from typing import Protocol

import msgspec

from aether.domain.access import Rate


class RateLimitState(msgspec.Struct, frozen=True):
    """A bucket just after a token was asked of it.

    `left` are the whole tokens in it; in `next_s` seconds there is one more, in `full_s` it is full.
    """

    granted: bool
    left: int
    next_s: float
    full_s: float


class RateLimiter(Protocol):
    """Keeps a bucket of tokens for each owner and rate, the same for all processes; it is full until one is taken.

    It fills evenly, by the store's own time. So within any stretch of time no more tokens are granted than the bucket
    holds and what comes into it meanwhile, however many ask at once.
    """

    async def take(self, owner: str, rate: Rate) -> RateLimitState:
        """Take a token of the owner's bucket for this rate, if there is one; who is refused pays nothing.

        Raises:
            StoreUnavailableError: the buckets cannot be reached.
        """
        ...
