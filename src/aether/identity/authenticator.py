"""Authenticator: turns a credential into the caller it identifies."""

from typing import Protocol

from aether.domain.access import LOCAL, Caller, Scope
from aether.errors import InvalidCredentialError
from aether.identity.read_tokens import ReadTokens, is_read_token

_ANONYMOUS = Caller(LOCAL, frozenset({Scope.ADMIN}))


class TokenVerifier(Protocol):
    """Verifies credentials of one type: API keys, or the tokens of an identity provider."""

    def matches(self, credential: str) -> bool:
        """Whether the credential has the format of this type; makes no lookup."""
        ...

    async def verify(self, credential: str) -> Caller:
        """Return the caller that the credential identifies.

        Raises:
            InvalidCredentialError: the credential is not valid (any more), or not meant for this service.
            IdentityProviderUnavailableError: the provider's keys cannot be fetched now.
            StoreUnavailableError: the API keys cannot be loaded now, and were never loaded.
        """
        ...


class KeyVerifier(TokenVerifier, Protocol):
    """Verifies API keys."""

    async def has_any(self) -> bool:
        """Whether a key exists, valid or not.

        Raises:
            StoreUnavailableError: the keys cannot be loaded.
        """
        ...

    async def is_valid(self, key_id: str) -> bool:
        """Whether the key with this id is neither revoked nor expired.

        Raises:
            StoreUnavailableError: the keys cannot be loaded.
        """
        ...


class Authenticator:
    """Identifies the callers of a service.

    A request without a credential is accepted, as owner `local`, only if no credentials can exist: no key was ever
    created, and no identity provider is set. Even then it must come from this machine, unless `allow_anonymous`.
    """

    def __init__(
        self,
        keys: KeyVerifier,
        identity_provider: TokenVerifier | None = None,
        local: TokenVerifier | None = None,
        read_tokens: ReadTokens | None = None,
        *,
        allow_anonymous: bool = False,
    ) -> None:
        self._keys = keys
        self._read_tokens = read_tokens
        self._identity_provider = identity_provider
        self._verifiers = [each for each in (keys, identity_provider, local) if each is not None]
        self._allow_anonymous = allow_anonymous

    async def authenticate(self, credential: str, job_id: str | None = None) -> Caller:
        """Return the caller that the credential identifies; `job_id` is the job that the request only reads, if any.

        Raises:
            ReadTokenScopeError: as `ReadTokens.verify`.
            InvalidCredentialError, IdentityProviderUnavailableError, StoreUnavailableError: as `TokenVerifier.verify`.
        """
        if self._read_tokens and is_read_token(credential):
            return await self._verify_read_token(self._read_tokens, credential, job_id)
        for verifier in self._verifiers:
            if verifier.matches(credential):
                return await verifier.verify(credential)
        raise InvalidCredentialError("The token is none that this server gives out or knows the issuer of.")

    async def _verify_read_token(self, tokens: ReadTokens, credential: str, job_id: str | None) -> Caller:
        reader = await tokens.verify(credential, job_id)
        if reader.key_id is not None and not await self._keys.is_valid(reader.key_id):
            raise InvalidCredentialError("The key with which the token was made is not valid any more.")
        return reader

    async def authenticate_anonymous(self, *, is_local: bool) -> Caller:
        """Return the caller of a request without a credential; `is_local` if it comes from this machine.

        Raises:
            InvalidCredentialError: a credential is required.
            StoreUnavailableError: the keys cannot be loaded.
        """
        if await self.requires_credentials():
            what = "a key, or a token of the identity provider" if self._identity_provider else "a key"
            raise InvalidCredentialError(f"Send {what}: Authorization: Bearer ….", sent=False)
        if not (is_local or self._allow_anonymous):
            why = (
                "Only this server's own machine, calling it by a loopback address, may use it without a key. "
                "Create one there with `aether keys create NAME`, or set AETHER_ALLOW_ANONYMOUS=true."
            )
            raise InvalidCredentialError(why, sent=False)
        return _ANONYMOUS

    async def requires_credentials(self) -> bool:
        """Whether every request needs a credential.

        Raises:
            StoreUnavailableError: the keys cannot be loaded.
        """
        return self._identity_provider is not None or await self._keys.has_any()
