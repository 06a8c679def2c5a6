"""Token verifiers for tests: over keys that the test publishes, on a clock that it sets."""

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
from aether.adapters.jwt.sources import FetchedKeys
from aether.adapters.jwt.verifier import JwtVerifier
from aether.domain.access import Scope
from aether.errors import IdentityProviderUnavailableError
from tests.fakes import FastClock
from tests.identity_provider import AUDIENCE, ISSUER, Members, jwks

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
POLICY = ClaimsPolicy(ISSUER, AUDIENCE, ALGORITHMS, 30.0, frozenset({Scope.READ, Scope.WRITE}), "scope")


class AheadClock(FastClock):
    """A clock that is `seconds` ahead of the real time, which PyJWT reads itself."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


@dataclass
class ScriptedSource:
    """A `JwksSource` with the test's keys, which counts its fetches; it does not answer while `gate` is not set."""

    keys: tuple[Members, ...] = ()
    is_unavailable: bool = False
    fresh_s: float = 300.0
    pause_s: float = 10.0
    fetches: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def fetch(self) -> FetchedKeys:
        self.fetches += 1
        await self.gate.wait()
        if self.is_unavailable:
            raise IdentityProviderUnavailableError("it is unavailable")
        return FetchedKeys(KeySet.parse(jwks(*self.keys), ALGORITHMS), self.fresh_s)


@asynccontextmanager
async def open_verifier(source: ScriptedSource, clock: AheadClock, **policy: object) -> AsyncIterator[JwtVerifier]:
    """Open a verifier over the source; `policy` are the fields that differ from `POLICY`."""
    async with ProviderKeys(source, clock) as keys:
        yield JwtVerifier(keys, replace(POLICY, **policy), clock)
