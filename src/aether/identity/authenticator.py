"""Who calls: credentials in, a caller out."""

from typing import Protocol

from aether.domain.access import LOCAL, Caller, Scope
from aether.errors import InvalidCredentialError
from aether.identity.read_tokens import ReadTokens, is_read_token

_ANYBODY = Caller(LOCAL, frozenset({Scope.ADMIN}))


class TokenVerifier(Protocol):
    """Whoever can tell for whom tokens of one kind stand: keys, or what an identity provider gives out."""

    def takes(self, credential: str) -> bool:
        """Whether this looks like one of its tokens; no look-up is made for it."""
        ...

    async def caller(self, credential: str) -> Caller:
        """Return whom the token stands for.

        Raises:
            InvalidCredentialError: it is not valid, or not any more, or not for this service.
            IdentityProviderUnavailableError: the provider's keys cannot be had for now.
            StoreUnavailableError: the keys cannot be had for now, and were never had.
        """
        ...


class KeyVerifier(TokenVerifier, Protocol):
    """Whoever can tell for whom keys stand."""

    async def has_any(self) -> bool:
        """Whether there is a key, be it one that is not valid any more.

        Raises:
            StoreUnavailableError: nobody can say.
        """
        ...

    async def is_valid(self, key_id: str) -> bool:
        """Whether the key of this id is neither revoked nor expired.

        Raises:
            StoreUnavailableError: nobody can say.
        """
        ...


class Authenticator:
    """Decides who calls.

    Whoever sends nothing is let in as `local` only where nobody can have credentials: no key was ever created, and
    there is no identity provider. Even then it has to come from this machine, unless `allow_anonymous`.
    """

    def __init__(
        self,
        keys: KeyVerifier,
        identities: TokenVerifier | None = None,
        local: TokenVerifier | None = None,
        read_tokens: ReadTokens | None = None,
        *,
        allow_anonymous: bool = False,
    ) -> None:
        self._keys = keys
        self._read_tokens = read_tokens
        self._identities = identities
        self._verifiers = [each for each in (keys, identities, local) if each is not None]
        self._allow_anonymous = allow_anonymous

    async def caller(self, credential: str, job_id: str | None = None) -> Caller:
        """Return whom the credential stands for, in a request that reads this job and does nothing else.

        Raises:
            BeyondTokenError: as `ReadTokens.caller`.
            InvalidCredentialError, IdentityProviderUnavailableError, StoreUnavailableError: as `TokenVerifier.caller`.
        """
        if self._read_tokens and is_read_token(credential):
            return await self._reader(self._read_tokens, credential, job_id)
        for verifier in self._verifiers:
            if verifier.takes(credential):
                return await verifier.caller(credential)
        raise InvalidCredentialError("The token is none that this server gives out or knows the issuer of.")

    async def _reader(self, tokens: ReadTokens, credential: str, job_id: str | None) -> Caller:
        reader = await tokens.caller(credential, job_id)
        if reader.key_id is not None and not await self._keys.is_valid(reader.key_id):
            raise InvalidCredentialError("The key with which the token was made is not valid any more.")
        return reader

    async def anonymous(self, *, from_here: bool) -> Caller:
        """Return who calls without a credential, `from_here` being this machine.

        Raises:
            InvalidCredentialError: it takes one.
            StoreUnavailableError: nobody can say whether it takes one.
        """
        if await self.asks_for_credentials():
            what = "a key, or a token of the identity provider" if self._identities else "a key"
            raise InvalidCredentialError(f"Send {what}: Authorization: Bearer ….", sent=False)
        if not (from_here or self._allow_anonymous):
            why = (
                "Only this server's own machine, calling it by a loopback address, may use it without a key. "
                "Create one there with `aether keys create NAME`, or set AETHER_ALLOW_ANONYMOUS=true."
            )
            raise InvalidCredentialError(why, sent=False)
        return _ANYBODY

    async def asks_for_credentials(self) -> bool:
        """Whether nobody is let in without any.

        Raises:
            StoreUnavailableError: nobody can say.
        """
        return self._identities is not None or await self._keys.has_any()
