"""A verifier of tokens over keys that a test hands out, on a clock that it sets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from typing_extensions import override

from aether.adapters.jwt.claims import ClaimsPolicy
from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.provider_keys import ProviderKeys
from aether.adapters.jwt.sources import Fetched
from aether.adapters.jwt.verifier import JwtVerifier
from aether.domain.access import Scope
from aether.errors import IdentityProviderUnavailableError
from tests.fakes import FastClock
from tests.identity_provider import AUDIENCE, ISSUER, Members, jwks

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
TERMS = ClaimsPolicy(ISSUER, AUDIENCE, ALGORITHMS, 30.0, frozenset({Scope.READ, Scope.WRITE}), "scope")


class AheadClock(FastClock):
    """A clock that is as far ahead of the real time as the test sets it: PyJWT looks at that."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


@dataclass
class ScriptedSource:
    """A `JwksSource` that has what the test gives it, and counts its fetches; while `gate` is closed it is silent."""

    keys: tuple[Members, ...] = ()
    away: bool = False
    fresh_s: float = 300.0
    pause_s: float = 10.0
    fetches: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def fetch(self) -> Fetched:
        self.fetches += 1
        await self.gate.wait()
        if self.away:
            raise IdentityProviderUnavailableError("it is away")
        return Fetched(KeySet.read(jwks(*self.keys), ALGORITHMS), self.fresh_s)


@asynccontextmanager
async def verifying(source: ScriptedSource, clock: AheadClock, **terms: object) -> AsyncIterator[JwtVerifier]:
    """Open a verifier over the source; `terms` are those that differ."""
    async with ProviderKeys(source, clock) as keys:
        yield JwtVerifier(keys, replace(TERMS, **terms), clock)
