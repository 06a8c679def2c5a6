"""API key cache: the keys as one process knows them, refreshed when they are stale."""

import asyncio
import math
from hmac import compare_digest
from secrets import token_hex
from typing import NamedTuple

import structlog

from aether.domain.access import ApiKey, Caller, KeyDigest
from aether.durable.ports import Clock
from aether.errors import InvalidCredentialError, StoreUnavailableError
from aether.identity.api_keys import MAX_STALENESS_S, PREFIX, ApiKeySet, ApiKeyStore, hash_secret, parse_key_id

_MIN_REFRESH_INTERVAL_S = 0.05
"""Between two refreshes, even if many unknown keys are tried."""

_INVALID = "The key is not valid."
_DUMMY_DIGESTS = (KeyDigest(token_hex(32)),)
"""Compared with unknown keys, so that they take as long as known ones."""

log = structlog.get_logger()


class _Entry(NamedTuple):
    key: ApiKey
    caller: Caller


class ApiKeyCache:
    """Verifies keys from memory; it checks the store for changes once in `MAX_STALENESS_S`.

    An unknown key may be newer than the last refresh, and causes another one. While the store is unavailable, the last
    known keys stay valid.
    """

    def __init__(self, store: ApiKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._version: int | None = None
        self._has_had_any = False
        self._refreshed_at = -math.inf
        self._refreshing: asyncio.Task[str | None] | None = None
        self._unavailable = False

    def matches(self, credential: str) -> bool:
        """Whether the credential starts like an API key."""
        return credential.startswith(PREFIX)

    async def verify(self, credential: str) -> Caller:
        """Return the caller that the key identifies.

        Raises:
            InvalidCredentialError: there is no such key, or it is revoked, expired or replaced.
            StoreUnavailableError: the keys were never loaded, or this key is unknown and may be new.
        """
        if (key_id := parse_key_id(credential)) is None:
            raise InvalidCredentialError(_INVALID)
        await self._refresh_if_stale()
        digest = hash_secret(credential)
        if (found := self._find_digest(key_id, digest)) is None:
            failure = await self._refresh_since(self._clock.monotonic())
            if (found := self._find_digest(key_id, digest)) is None:
                raise failure or InvalidCredentialError(_INVALID)
        return self._check(key_id, found)

    async def has_any(self) -> bool:
        """Whether a key exists, or existed since this process started, even if the store has lost it."""
        await self._refresh_if_stale()
        return self._has_had_any

    async def is_valid(self, key_id: str) -> bool:
        """Whether the key with this id is neither revoked nor expired."""
        await self._refresh_if_stale()
        if key_id not in self._entries:
            await self._refresh_since(self._clock.monotonic())
        entry = self._entries.get(key_id)
        return entry is not None and entry.key.is_valid(self._clock.now())

    def _find_digest(self, key_id: str, digest: str) -> KeyDigest | None:
        entry = self._entries.get(key_id)
        digests = entry.key.digests if entry else _DUMMY_DIGESTS
        return next((each for each in digests if compare_digest(each.sha256, digest)), None)

    def _check(self, key_id: str, found: KeyDigest) -> Caller:
        key, caller = self._entries[key_id]
        now = self._clock.now()
        if key.is_valid(now) and found.is_valid(now):
            return caller
        if key.revoked_at is not None:
            raise InvalidCredentialError("The key was revoked.")
        raise InvalidCredentialError("The key has expired." if found.is_valid(now) else "The key was replaced.")

    async def _refresh_if_stale(self) -> None:
        now = self._clock.monotonic()
        if self._version is None:
            await self._refresh_since(now)
        elif now - self._refreshed_at > MAX_STALENESS_S:
            await self._refresh_since(now - MAX_STALENESS_S)

    async def _refresh_since(self, moment: float) -> StoreUnavailableError | None:
        """Wait for a shared refresh that started at `moment` or later; return its error, if it failed."""
        failure = None
        while self._version is None or self._refreshed_at < moment:
            if self._refreshing is None:
                self._refreshing = asyncio.create_task(self._refresh())
            reason = await asyncio.shield(self._refreshing)
            failure = None if reason is None else StoreUnavailableError(reason)
            if failure is not None and self._version is None:
                raise failure
        return failure

    async def _refresh(self) -> str | None:
        pause = self._refreshed_at + _MIN_REFRESH_INTERVAL_S - self._clock.monotonic()
        if pause > 0:
            await self._clock.sleep(pause)
        started = self._clock.monotonic()
        try:
            if await self._store.version() != self._version:
                self._set_keys(await self._store.load())
        except StoreUnavailableError as error:
            if not self._unavailable:
                log.warning("keys.unreachable", reason=error.what)
            self._unavailable = True
            return error.what
        finally:
            self._refreshed_at, self._refreshing = started, None
        self._unavailable = False
        return None

    def _set_keys(self, keys: ApiKeySet) -> None:
        self._entries = {key.id: _Entry(key, _caller_of(key)) for key in keys.keys}
        self._has_had_any = self._has_had_any or keys.version > 0
        self._version = keys.version


def _caller_of(key: ApiKey) -> Caller:
    return Caller(key.owner, key.scopes, key.quota, key_id=key.id)
