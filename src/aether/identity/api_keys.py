"""API keys: creating, listing, revoking and rotating them, and the store they are kept in."""

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
"""How long a process may use keys as they were before a change."""

_ID_LENGTH = 12
_SECRET_BYTES = 32
_RETENTION = timedelta(days=30)
"""How long a revoked or expired key is kept."""
_LENGTH = len(PREFIX) + _ID_LENGTH + 1 + 43  # the secret in base64url, without padding
_ID = slice(len(PREFIX), len(PREFIX) + _ID_LENGTH)
_NAME = re.compile(r"(?!-)[A-Za-z0-9._@-]{1,64}")  # a leading hyphen would make it a command line option
_DEFAULT_SCOPES = frozenset({Scope.READ, Scope.WRITE})
_UNLIMITED = Quota()
# Limits of a quota, the same as those of AETHER_RATE_LIMIT. JSON would store an infinite period as null.
_MAX_COUNT, _MAX_PERIOD_S = 999_999_999, 999_999


class ApiKeySet(msgspec.Struct, frozen=True):
    """All keys, oldest first; each state has a unique version, and 0 means that no key was ever created."""

    version: int = 0
    keys: tuple[ApiKey, ...] = ()


class ApiKeyStore(Protocol):
    """Stores keys permanently; revoked and expired keys stay until they are dropped.

    All methods raise StoreUnavailableError while the store cannot be reached.
    """

    async def version(self) -> int:
        """Return the version of the keys; cheaper than `load`."""
        ...

    async def load(self) -> ApiKeySet:
        """Return all keys, without those that this version of the service cannot read."""
        ...

    async def put(self, key: ApiKey, version: int, drop: Collection[str] = ()) -> bool:
        """Store the key, replacing one with the same id, and drop the keys with the ids in `drop`.

        Returns False, and changes nothing, unless `version` is the current version. If the answer was lost, the call
        can be repeated.
        """
        ...


class ApiKeys:
    """The API keys of a service.

    Every process applies a change after at most `MAX_STALENESS_S`: until then it may still accept a key that is no
    longer valid. New keys are accepted at once. Every method raises StoreUnavailableError while the store is
    unavailable.
    """

    def __init__(self, store: ApiKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self,
        name: str,
        owner: str | None = None,
        scopes: Collection[Scope] = _DEFAULT_SCOPES,
        expires_in: timedelta | None = None,
        quota: Quota = _UNLIMITED,
    ) -> tuple[ApiKey, Secret]:
        """Create a key for an owner, by default the one named like the key; return it with its secret.

        The secret is not stored and cannot be shown again.

        Raises:
            FieldError: names the field and the rule that it breaks.
            NameTakenError: a valid key has this name.
        """
        check_key(name, owner, scopes, expires_in, quota)
        while True:
            key_set, now = await self._store.load(), self._clock.now()
            if any(key.name == name and key.is_valid(now) for key in key_set.keys):
                raise NameTakenError(name)
            key_id = b32encode(secrets.token_bytes(8)).decode().lower()[:_ID_LENGTH]
            secret, digest = _new_secret(key_id)
            expires_at = None if expires_in is None else now + expires_in
            key = ApiKey(key_id, name, owner or name, frozenset(scopes), now, (digest,), quota, expires_at)
            if await self._store.put(key, key_set.version, _expired_ids(key_set, now)):
                return key, secret

    async def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, oldest first, including those revoked or expired in the last 30 days."""
        return (await self._store.load()).keys

    async def revoke(self, id_or_name: str) -> ApiKey:
        """Revoke a key for good; a revoked key is left unchanged.

        Raises:
            UnknownKeyError: no key has this id, and no valid key this name.
        """
        while True:
            key_set, now = await self._store.load(), self._clock.now()
            key = _find(key_set, id_or_name, now)
            if key.revoked_at is not None:
                return key
            revoked = replace(key, revoked_at=now)
            if await self._store.put(revoked, key_set.version):
                return revoked

    async def rotate(self, id_or_name: str, overlap: timedelta = timedelta(0)) -> tuple[ApiKey, Secret]:
        """Give a key a new secret; its previous secrets stay valid for `overlap` at most.

        Raises:
            FieldError: the overlap is negative.
            UnknownKeyError: no valid key has this id or name.
        """
        if overlap < timedelta(0):
            raise FieldError("overlap", "must not be negative")
        while True:
            key_set, now = await self._store.load(), self._clock.now()
            key = _find(key_set, id_or_name, now)
            if not key.is_valid(now):
                raise UnknownKeyError(id_or_name)
            secret, digest = _new_secret(key.id)
            rotated = replace(key, digests=(digest, *_limit_validity(key.digests, now, now + overlap)))
            if await self._store.put(rotated, key_set.version):
                return rotated, secret


def check_key(
    name: str, owner: str | None, scopes: Collection[Scope], expires_in: timedelta | None, quota: Quota
) -> None:
    """Validate the properties of a new key.

    Raises:
        FieldError: names the field and the rule that it breaks.
    """
    if not _NAME.fullmatch(name):
        raise FieldError("name", "must be 1 to 64 letters, digits or any of . _ @ -, and not begin with a hyphen")
    if owner is not None and not is_owner_name(owner):
        raise FieldError("owner", f"must be 1 to {MAX_OWNER_LENGTH} printable characters, without space around them")
    if not scopes:
        raise FieldError("scopes", "must be at least one of: " + ", ".join(Scope))
    if expires_in is not None and expires_in <= timedelta(0):
        raise FieldError("expires_in", "must be more than 0")
    if quota.jobs is not None and not 1 <= quota.jobs <= _MAX_COUNT:
        raise FieldError("quota.jobs", f"must be 1 to {_MAX_COUNT}")
    rate = quota.rate
    if rate is not None and not (1 <= rate.requests <= _MAX_COUNT and 0 < rate.seconds <= _MAX_PERIOD_S):
        raise FieldError("quota.rate", f"must be 1 to {_MAX_COUNT} requests, within up to {_MAX_PERIOD_S} seconds")


def parse_key_id(secret: str) -> str | None:
    """Return the key id in a secret; None if the text cannot be a secret."""
    return secret[_ID] if len(secret) == _LENGTH else None


def hash_secret(secret: str) -> str:
    """Return the digest that is stored instead of a secret."""
    return sha256(secret.encode()).hexdigest()


def _new_secret(key_id: str) -> tuple[Secret, KeyDigest]:
    text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return Secret(text), KeyDigest(hash_secret(text))


def _limit_validity(digests: tuple[KeyDigest, ...], now: datetime, latest: datetime) -> tuple[KeyDigest, ...]:
    """Return the valid digests, each valid until `latest` at most."""
    limited = (replace(each, until=min(each.until or latest, latest)) for each in digests)
    return tuple(each for each in limited if each.is_valid(now))


def _expired_ids(key_set: ApiKeySet, now: datetime) -> list[str]:
    return [key.id for key in key_set.keys if key.ended_before(now - _RETENTION)]


def _find(key_set: ApiKeySet, id_or_name: str, now: datetime) -> ApiKey:
    by_id = (key for key in key_set.keys if key.id == id_or_name)
    by_name = (key for key in key_set.keys if key.name == id_or_name and key.is_valid(now))
    if (key := next(by_id, None) or next(by_name, None)) is None:
        raise UnknownKeyError(id_or_name)
    return key
