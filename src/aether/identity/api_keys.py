"""Keys for those who run the service: who has one, and what it lets them do."""

import re
import secrets
from base64 import b32encode
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec.structs import replace

from aether.domain.access import MAX_OWNER_LENGTH, ApiKey, KeyDigest, Quota, Scope, is_owner_name
from aether.durable.ports import Clock
from aether.errors import FieldError, NameTakenError, UnknownKeyError
from aether.settings import Secret

PREFIX = "aether_"
MAX_STALENESS_S = 1.0
"""For how long a process may go on with keys as they were before a change."""

_ID_LENGTH = 12
_SECRET_BYTES = 32
_REMEMBERED = timedelta(days=30)
"""How long a key that is revoked or has expired is told from one that never was."""
_LENGTH = len(PREFIX) + _ID_LENGTH + 1 + 43  # the secret in base64url, without padding
_ID = slice(len(PREFIX), len(PREFIX) + _ID_LENGTH)
_NAME = re.compile(r"(?!-)[A-Za-z0-9._@-]{1,64}")  # with a hyphen first it would be an option
_USUAL = frozenset({Scope.READ, Scope.WRITE})
_UNLIMITED = Quota()
# Of a quota, as AETHER_RATE_LIMIT has them. A time without an end would be none once it was stored.
_MOST, _LONGEST_S = 999_999_999, 999_999


class ApiKeySet(msgspec.Struct, frozen=True):
    """All keys at one version, the oldest first; no two states of them share one, and 0 is that of no key ever."""

    version: int = 0
    keys: tuple[ApiKey, ...] = ()


class ApiKeyStore(Protocol):
    """Where keys are kept, for good: also those that are revoked or expired, until they are dropped.

    All methods raise StoreUnavailableError while the store cannot be reached.
    """

    async def version(self) -> int:
        """Return the version of the keys, which costs less than the keys themselves."""
        ...

    async def load(self) -> ApiKeySet:
        """Return all keys but those that this version of the service cannot read; they are passed over."""
        ...

    async def put(self, key: ApiKey, version: int, dropping: Collection[str] = ()) -> bool:
        """Keep the key, in the place of the one of its id, unless the keys are at another version than this.

        Those of the ids in `dropping` are dropped with it. Returns whether it is kept; a key may be put again if the
        answer was lost.
        """
        ...


class ApiKeys:
    """The keys of a service.

    A change is in force in every process at the latest `MAX_STALENESS_S` after it was made: until then a text that
    is not valid any more may still be taken. A new text is taken at once. Every method raises StoreUnavailableError
    while the store is away.
    """

    def __init__(self, store: ApiKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self,
        name: str,
        owner: str | None = None,
        scopes: Collection[Scope] = _USUAL,
        expires_in: timedelta | None = None,
        quota: Quota = _UNLIMITED,
    ) -> tuple[ApiKey, Secret]:
        """Make a key for an owner, by default one of the same name; its secret text is not kept and never shown again.

        Raises:
            FieldError: names what breaks a rule, and the rule.
            NameTakenError: a valid key has this name.
        """
        check_key(name, owner, scopes, expires_in, quota)
        while True:
            held, now = await self._store.load(), self._clock.now()
            if any(key.name == name and key.is_valid(now) for key in held.keys):
                raise NameTakenError(name)
            key_id = b32encode(secrets.token_bytes(8)).decode().lower()[:_ID_LENGTH]
            secret, digest = _fresh(key_id)
            ends = None if expires_in is None else now + expires_in
            key = ApiKey(key_id, name, owner or name, frozenset(scopes), now, (digest,), quota, ends)
            if await self._store.put(key, held.version, _long_ended(held, now)):
                return key, secret

    async def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, also those that were revoked or have expired in the last 30 days, the oldest first."""
        return (await self._store.load()).keys

    async def revoke(self, id_or_name: str) -> ApiKey:
        """End a key, for good; one that was revoked already stays as it is.

        Raises:
            UnknownKeyError: no key has this id, and no valid one this name.
        """
        while True:
            held, now = await self._store.load(), self._clock.now()
            key = _found(held, id_or_name, now)
            if key.revoked_at is not None:
                return key
            revoked = replace(key, revoked_at=now)
            if await self._store.put(revoked, held.version):
                return revoked

    async def rotate(self, id_or_name: str, overlap: timedelta = timedelta(0)) -> tuple[ApiKey, Secret]:
        """Give a key another secret text; those before stay valid for as long as `overlap`, but none for longer.

        Raises:
            FieldError: the overlap is negative.
            UnknownKeyError: no valid key has this id or name.
        """
        if overlap < timedelta(0):
            raise FieldError("overlap", "must not be negative")
        while True:
            held, now = await self._store.load(), self._clock.now()
            key = _found(held, id_or_name, now)
            if not key.is_valid(now):
                raise UnknownKeyError(id_or_name)
            secret, digest = _fresh(key.id)
            rotated = replace(key, digests=(digest, *_ending(key.digests, now, now + overlap)))
            if await self._store.put(rotated, held.version):
                return rotated, secret


def check_key(
    name: str, owner: str | None, scopes: Collection[Scope], expires_in: timedelta | None, quota: Quota
) -> None:
    """See that a key can be made so.

    Raises:
        FieldError: names what breaks a rule, and the rule.
    """
    if not _NAME.fullmatch(name):
        raise FieldError("name", "must be 1 to 64 letters, digits or any of . _ @ -, and not begin with a hyphen")
    if owner is not None and not is_owner_name(owner):
        raise FieldError("owner", f"must be 1 to {MAX_OWNER_LENGTH} printable characters, without space around them")
    if not scopes:
        raise FieldError("scopes", "must be at least one of: " + ", ".join(Scope))
    if expires_in is not None and expires_in <= timedelta(0):
        raise FieldError("expires_in", "must be more than 0")
    if quota.jobs is not None and not 1 <= quota.jobs <= _MOST:
        raise FieldError("quota.jobs", f"must be 1 to {_MOST}")
    rate = quota.rate
    if rate is not None and not (1 <= rate.requests <= _MOST and 0 < rate.seconds <= _LONGEST_S):
        raise FieldError("quota.rate", f"must be 1 to {_MOST} requests, within up to {_LONGEST_S} seconds")


def id_in(text: str) -> str | None:
    """Return the id of the key that has this secret text, if it is one at all."""
    return text[_ID] if len(text) == _LENGTH else None


def digest_of(text: str) -> str:
    """Return what is kept of a secret text."""
    return sha256(text.encode()).hexdigest()


def _fresh(key_id: str) -> tuple[Secret, KeyDigest]:
    text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return Secret(text), KeyDigest(digest_of(text))


def _ending(digests: tuple[KeyDigest, ...], now: datetime, latest: datetime) -> tuple[KeyDigest, ...]:
    """Let all of them end then, those that end earlier as they were to; without those that have ended."""
    ending = (replace(each, until=min(each.until or latest, latest)) for each in digests)
    return tuple(each for each in ending if each.is_valid(now))


def _long_ended(held: ApiKeySet, now: datetime) -> list[str]:
    return [key.id for key in held.keys if key.ended_before(now - _REMEMBERED)]


def _found(held: ApiKeySet, id_or_name: str, now: datetime) -> ApiKey:
    by_id = (key for key in held.keys if key.id == id_or_name)
    by_name = (key for key in held.keys if key.name == id_or_name and key.is_valid(now))
    if (key := next(by_id, None) or next(by_name, None)) is None:
        raise UnknownKeyError(id_or_name)
    return key
