"""The keys as one process knows them."""

import asyncio
import math
from hmac import compare_digest
from secrets import token_hex
from typing import NamedTuple

import structlog

from aether.domain.access import ApiKey, Caller, KeyDigest
from aether.durable.ports import Clock
from aether.errors import InvalidCredentialError, StoreUnavailableError
from aether.identity.api_keys import MAX_STALENESS_S, PREFIX, ApiKeySet, ApiKeyStore, digest_of, id_in

_SHORTEST_PAUSE_S = 0.05
"""Between two looks at the store, however many texts are tried that belong to no key."""

_UNKNOWN = "The key is not valid."
_NOBODYS = (KeyDigest(token_hex(32)),)
"""What the text of an unknown key is compared with, so that it takes as long as a known one."""

log = structlog.get_logger()


class _Held(NamedTuple):
    key: ApiKey
    caller: Caller


class ApiKeyCache:
    """Tells for whom a key stands, without a look at the store but once in `MAX_STALENESS_S`.

    A text that fits no key may be younger than the last look, and makes for another. While the store is away, what was
    known last stays in force.
    """

    def __init__(self, store: ApiKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._version: int | None = None
        self._had_any = False
        self._looked_at = -math.inf
        self._looking: asyncio.Task[str | None] | None = None
        self._away = False

    def takes(self, credential: str) -> bool:
        """Whether it begins as keys do."""
        return credential.startswith(PREFIX)

    async def caller(self, credential: str) -> Caller:
        """Return whom the key stands for.

        Raises:
            InvalidCredentialError: there is no such key, or it is revoked, expired or replaced.
            StoreUnavailableError: the keys were never had, or this one may be too new to be known.
        """
        if (key_id := id_in(credential)) is None:
            raise InvalidCredentialError(_UNKNOWN)
        await self._be_fresh()
        digest = digest_of(credential)
        if (found := self._match(key_id, digest)) is None:
            failure = await self._look_since(self._clock.monotonic())
            if (found := self._match(key_id, digest)) is None:
                raise failure or InvalidCredentialError(_UNKNOWN)
        return self._judged(key_id, found)

    async def has_any(self) -> bool:
        """Whether there is a key, or was one since this process began, even if the store has lost it."""
        await self._be_fresh()
        return self._had_any

    async def is_valid(self, key_id: str) -> bool:
        """Whether the key of this id is neither revoked nor expired."""
        await self._be_fresh()
        if key_id not in self._held:
            await self._look_since(self._clock.monotonic())
        held = self._held.get(key_id)
        return held is not None and held.key.is_valid(self._clock.now())

    def _match(self, key_id: str, digest: str) -> KeyDigest | None:
        held = self._held.get(key_id)
        known = held.key.digests if held else _NOBODYS
        return next((each for each in known if compare_digest(each.sha256, digest)), None)

    def _judged(self, key_id: str, found: KeyDigest) -> Caller:
        key, caller = self._held[key_id]
        now = self._clock.now()
        if key.is_valid(now) and found.is_valid(now):
            return caller
        if key.revoked_at is not None:
            raise InvalidCredentialError("The key was revoked.")
        raise InvalidCredentialError("The key has expired." if found.is_valid(now) else "The key was replaced.")

    async def _be_fresh(self) -> None:
        now = self._clock.monotonic()
        if self._version is None:
            await self._look_since(now)
        elif now - self._looked_at > MAX_STALENESS_S:
            await self._look_since(now - MAX_STALENESS_S)

    async def _look_since(self, moment: float) -> StoreUnavailableError | None:
        """Wait for a look that began then or later, which all who wait share, and return why it failed, if it did."""
        failure = None
        while self._version is None or self._looked_at < moment:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            what = await asyncio.shield(self._looking)
            failure = None if what is None else StoreUnavailableError(what)
            if failure is not None and self._version is None:
                raise failure
        return failure

    async def _look(self) -> str | None:
        pause = self._looked_at + _SHORTEST_PAUSE_S - self._clock.monotonic()
        if pause > 0:
            await self._clock.sleep(pause)
        began = self._clock.monotonic()
        try:
            if await self._store.version() != self._version:
                self._hold(await self._store.load())
        except StoreUnavailableError as error:
            if not self._away:
                log.warning("keys.unreachable", reason=error.what)
            self._away = True
            return error.what
        finally:
            self._looked_at, self._looking = began, None
        self._away = False
        return None

    def _hold(self, keys: ApiKeySet) -> None:
        self._held = {key.id: _Held(key, _caller_of(key)) for key in keys.keys}
        self._had_any = self._had_any or keys.version > 0
        self._version = keys.version


def _caller_of(key: ApiKey) -> Caller:
    return Caller(key.owner, key.scopes, key.quota, key_id=key.id)
