"""Provider keys: the key set fetched last from the identity provider, and when to fetch it again."""

import asyncio
import math
from typing import Self

import structlog
from jwt import PyJWK

from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.sources import FetchedKeys, JwksSource
from aether.durable.ports import Clock
from aether.errors import IdentityProviderUnavailableError

_MAX_STALE_S = 86_400.0
"""How long the last keys are used while the provider is unavailable."""

_MAX_FIRST_PAUSE_S = 1.0
"""The longest pause between fetches while there are no keys at all, so that all callers wait."""

log = structlog.get_logger()


class ProviderKeys:
    """Keys that are fetched at first, when they are no longer fresh, and when a key is unknown.

    All callers share one fetch at a time; meanwhile the current keys are used. However many unknown keys are requested,
    the source's `pause_s` passes between two fetches. Entering the block starts a fetch, and does not wait for it.
    """

    def __init__(self, source: JwksSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._keys: KeySet | None = None
        self._fresh_until = self._usable_until = self._next_fetch_at = -math.inf
        self._failure: str | None = "its keys were not fetched yet"
        self._fetch_task: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, kid: str | None) -> PyJWK | None:
        """Return the key, as `KeySet.find` does; does not yield to other tasks if the key is known.

        Raises:
            IdentityProviderUnavailableError: the key is unknown, and the provider's keys cannot be fetched.
        """
        if self._clock.monotonic() >= self._fresh_until:
            self._start_fetch()
        key = self._find_known(algorithm, kid)
        if key is None:
            await self._refresh()
            key = self._find_known(algorithm, kid)
        return key

    def _find_known(self, algorithm: str, kid: str | None) -> PyJWK | None:
        if self._keys is None or self._clock.monotonic() >= self._usable_until:
            return None
        return self._keys.find(algorithm, kid)

    async def _refresh(self) -> None:
        self._start_fetch()
        if self._fetch_task is not None:
            await asyncio.wait([self._fetch_task])
        if self._failure is not None:
            raise IdentityProviderUnavailableError(self._failure)

    def _start_fetch(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_fetch_at and self._fetch_task is None:
            self._next_fetch_at = now + self._source.pause_s
            self._fetch_task = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            self._on_fetched(await self._source.fetch())
        except IdentityProviderUnavailableError as error:
            self._on_failed(error.what)
        finally:
            self._fetch_task = None

    def _on_fetched(self, fetched: FetchedKeys) -> None:
        if self._failure is not None:
            log.info("identity.keys_fetched")
        now = self._clock.monotonic()
        self._keys, self._failure = fetched.keys, None
        self._fresh_until, self._usable_until = now + fetched.fresh_s, now + _MAX_STALE_S

    def _on_failed(self, reason: str) -> None:
        if reason != self._failure:
            log.warning("identity.keys_unavailable", reason=reason)
        self._failure = reason
        if self._keys is None:
            self._next_fetch_at = min(self._next_fetch_at, self._clock.monotonic() + _MAX_FIRST_PAUSE_S)

    async def __aenter__(self) -> Self:
        self._start_fetch()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._fetch_task is not None:
            self._fetch_task.cancel()
            await asyncio.wait([self._fetch_task])
