"""JWT verifier: from a signed token to the caller that it identifies."""

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
from aether.adapters.jwt.claims import Claims, ClaimsPolicy, caller_of, verify_claims
from aether.adapters.jwt.key_set import KeySet
from aether.adapters.jwt.provider_keys import ProviderKeys
from aether.adapters.jwt.sources import jwks_source
from aether.domain.access import Caller
from aether.durable.ports import Clock
from aether.errors import InvalidCredentialError

_MAX_LENGTH = 8 * 1024
_CACHE_TTL_S = 60
_CACHE_SIZE = 10_000
_TYPES = {None, "jwt", "at+jwt", "application/jwt", "application/at+jwt"}  # RFC 7519, section 5.1; RFC 9068, section 4

log = structlog.get_logger()


class _Header(msgspec.Struct, frozen=True):
    """The parameters of a token's header that are used; keys and their URLs in it (jwk, jku, x5c, x5u) are ignored."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: object = None


_decoder = msgspec.json.Decoder(_Header)


class JwtVerifier:
    """The `TokenVerifier` for tokens that an identity provider has signed.

    It follows RFC 8725: policy and key must both allow the algorithm, and only the provider's own keys are accepted.
    The caller of a verified token is cached by the token's digest, for up to a minute and until the token expires.
    """

    def __init__(self, keys: ProviderKeys, policy: ClaimsPolicy, clock: Clock) -> None:
        self._keys = keys
        self._policy = policy
        self._clock = clock
        self._cache = CallerCache(_CACHE_SIZE, clock)

    @classmethod
    @asynccontextmanager
    async def open(cls, jwks: str, policy: ClaimsPolicy, clock: Clock) -> AsyncIterator[Self]:
        """Open the source of the keys, a URL or the path of a file; does not wait for the first fetch."""
        parse = partial(KeySet.parse, algorithms=policy.algorithms)
        async with jwks_source(jwks, parse) as source, ProviderKeys(source, clock) as keys:
            yield cls(keys, policy, clock)

    def matches(self, credential: str) -> bool:
        """Whether the credential has the three parts of a signed token."""
        return credential.count(".") == 2  # noqa: PLR2004 - RFC 7515, section 7.1

    async def verify(self, credential: str) -> Caller:
        """Return the caller; does not yield to other tasks if the caller is cached."""
        if len(credential) > _MAX_LENGTH:
            raise InvalidCredentialError(f"The token is longer than {_MAX_LENGTH} characters.")
        # `replace` turns each non-ASCII character into `?`, which no valid token contains.
        digest = sha256(credential.encode("ascii", "replace")).digest()
        caller = self._cache.get(digest)
        if caller is not None:
            return caller
        try:
            claims = await self._verify_claims(credential)
            caller = caller_of(claims, self._policy)
        except InvalidCredentialError as error:
            log.debug("token.refused", reason=str(error))
            raise
        self._cache.put(digest, caller, self._cache_ttl_s(claims))
        return caller

    async def _verify_claims(self, token: str) -> Claims:
        header = _parse_header(token)
        if header.alg not in self._policy.algorithms:
            raise InvalidCredentialError("The token is signed by an algorithm that is not accepted.")
        key = await self._keys.find(header.alg, header.kid)
        if key is None:
            raise InvalidCredentialError("The token is not signed by a key that the identity provider publishes.")
        return verify_claims(token, key, self._policy)

    def _cache_ttl_s(self, claims: Claims) -> int:
        # In whole numbers, since `exp` may be too large for a float.
        expires_at = int(claims["exp"]) + math.floor(self._policy.leeway_s)
        return min(expires_at - math.ceil(self._clock.now().timestamp()), _CACHE_TTL_S)


def _parse_header(token: str) -> _Header:
    """Parse the header to find the key; PyJWT parses and checks all of it again."""
    try:
        header = _decoder.decode(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    except (ValueError, RecursionError) as error:
        raise InvalidCredentialError("The token is malformed.") from error
    if (header.typ and header.typ.lower()) not in _TYPES:
        raise InvalidCredentialError("The token is of a type that is not accepted.")
    if header.crit is not None:
        raise InvalidCredentialError("The token has critical headers, of which none is understood.")
    return header
