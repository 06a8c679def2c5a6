"""The provider's keys as they were last had, and when to ask for them again."""

import asyncio
import math
from typing import Self

import structlog
from jwt import PyJWK

from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.sources import Fetched, JwksSource
from aether.durable.ports import Clock
from aether.errors import IdentityProviderUnavailableError

_STALE_S = 86_400.0
"""How long the last keys go on being used while the provider is away."""

_FIRST_PAUSE_S = 1.0
"""The longest pause while there are no keys at all, and everybody waits for the provider."""

log = structlog.get_logger()


class ProviderKeys:
    """Keys, fetched when they are first needed, when they are no longer fresh, and when one is unknown.

    One fetch at a time serves all; keys that are held serve meanwhile. However many unknown keys are asked for, the
    source is left alone for its pause after each fetch. The block begins with a fetch, for which it does not wait.
    """

    def __init__(self, source: JwksSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._held: KeySet | None = None
        self._fresh_until = self._held_until = self._next_fetch = -math.inf
        self._failure: str | None = "its keys were not fetched yet"
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, kid: str | None) -> PyJWK | None:
        """Return the key, as `KeySet.find`; does not yield if it is held.

        Raises:
            IdentityProviderUnavailableError: it is not held, and whether the provider has it cannot be found out.
        """
        if self._clock.monotonic() >= self._fresh_until:
            self._begin_fetch()
        key = self._find_held(algorithm, kid)
        if key is None:
            await self._have_latest()
            key = self._find_held(algorithm, kid)
        return key

    def _find_held(self, algorithm: str, kid: str | None) -> PyJWK | None:
        if self._held is None or self._clock.monotonic() >= self._held_until:
            return None
        return self._held.find(algorithm, kid)

    async def _have_latest(self) -> None:
        self._begin_fetch()
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
        if self._failure is not None:
            raise IdentityProviderUnavailableError(self._failure)

    def _begin_fetch(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_fetch and self._fetching is None:
            self._next_fetch = now + self._source.pause_s
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            self._hold(await self._source.fetch())
        except IdentityProviderUnavailableError as error:
            self._fail(error.what)
        finally:
            self._fetching = None

    def _hold(self, fetched: Fetched) -> None:
        if self._failure is not None:
            log.info("identity.keys_fetched")
        now = self._clock.monotonic()
        self._held, self._failure = fetched.keys, None
        self._fresh_until, self._held_until = now + fetched.fresh_s, now + _STALE_S

    def _fail(self, reason: str) -> None:
        if reason != self._failure:
            log.warning("identity.keys_unavailable", reason=reason)
        self._failure = reason
        if self._held is None:
            self._next_fetch = min(self._next_fetch, self._clock.monotonic() + _FIRST_PAUSE_S)

    async def __aenter__(self) -> Self:
        self._begin_fetch()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
