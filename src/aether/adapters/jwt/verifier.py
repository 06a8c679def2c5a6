"""From a token to whom it stands for."""

import base64
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import Self

import msgspec
import structlog

from aether.adapters.jwt.caller_cache import CallerCache
from aether.adapters.jwt.claims import Claims, ClaimsPolicy, caller_of, verified_claims
from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.provider_keys import ProviderKeys
from aether.adapters.jwt.sources import jwks_source
from aether.domain.access import Caller
from aether.durable.ports import Clock
from aether.errors import InvalidCredentialError

_LONGEST = 8 * 1024
_REMEMBERED_S = 60
_MOST_REMEMBERED = 10_000
_TYPES = {None, "jwt", "at+jwt", "application/jwt", "application/at+jwt"}  # RFC 7519, section 5.1; RFC 9068, section 4

log = structlog.get_logger()


class _Header(msgspec.Struct, frozen=True):
    """What is read of a header. A key, or the address of one, that it brings along (jwk, jku, x5c, x5u) is not."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: object = None


_decoder = msgspec.json.Decoder(_Header)


class JwtVerifier:
    """The `TokenVerifier` for tokens that an identity provider has signed.

    It follows RFC 8725: the algorithm must be one of the terms' and the key's, and only the provider's own keys count.
    A token that was verified is remembered, by its digest, for a minute at most, and not beyond its end.
    """

    def __init__(self, keys: ProviderKeys, terms: ClaimsPolicy, clock: Clock) -> None:
        self._keys = keys
        self._terms = terms
        self._clock = clock
        self._remembered = CallerCache(_MOST_REMEMBERED, clock)

    @classmethod
    @asynccontextmanager
    async def open(cls, jwks: str, terms: ClaimsPolicy, clock: Clock) -> AsyncIterator[Self]:
        """Open what it needs; `jwks` is the address of the provider's keys, or their file. Waits for neither."""
        read = partial(KeySet.read, algorithms=terms.algorithms)
        async with jwks_source(jwks, read) as source, ProviderKeys(source, clock) as keys:
            yield cls(keys, terms, clock)

    def matches(self, credential: str) -> bool:
        """Whether it has the three parts of a signed token."""
        return credential.count(".") == 2  # noqa: PLR2004 - RFC 7515, section 7.1

    async def verify(self, credential: str) -> Caller:
        """Return whom the token stands for; does not yield if that is remembered."""
        if len(credential) > _LONGEST:
            raise InvalidCredentialError(f"The token is longer than {_LONGEST} characters.")
        # With `replace`, what is no ASCII becomes a character that no token has.
        digest = sha256(credential.encode("ascii", "replace")).digest()
        caller = self._remembered.recall(digest)
        if caller is not None:
            return caller
        try:
            claims = await self._claims(credential)
            caller = caller_of(claims, self._terms)
        except InvalidCredentialError as error:
            log.debug("token.refused", reason=str(error))
            raise
        self._remembered.remember(digest, caller, self._seconds_left(claims))
        return caller

    async def _claims(self, token: str) -> Claims:
        header = _header_of(token)
        if header.alg not in self._terms.algorithms:
            raise InvalidCredentialError("The token is signed by an algorithm that is not accepted.")
        key = await self._keys.find(header.alg, header.kid)
        if key is None:
            raise InvalidCredentialError("The token is not signed by a key that the identity provider publishes.")
        return verified_claims(token, key, self._terms)

    def _seconds_left(self, claims: Claims) -> int:
        # In whole numbers, of which none is too large to reckon with.
        end = int(claims["exp"]) + math.floor(self._terms.leeway_s)
        return min(end - math.ceil(self._clock.now().timestamp()), _REMEMBERED_S)


def _header_of(token: str) -> _Header:
    """Read the header, of which only what leads to the key is believed; PyJWT reads all of it again."""
    try:
        header = _decoder.decode(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    except (ValueError, RecursionError) as error:
        raise InvalidCredentialError("The token is malformed.") from error
    if (header.typ and header.typ.lower()) not in _TYPES:
        raise InvalidCredentialError("The token is of a type that is not accepted.")
    if header.crit is not None:
        raise InvalidCredentialError("The token has critical headers, of which none is understood.")
    return header
