"""Who calls: credentials in, a caller out."""

from typing import Protocol

from aether.domain.access import Caller


class TokenVerifier(Protocol):
    """Whoever can tell what a token of an identity provider says."""

    def takes(self, credential: str) -> bool:
        """Whether this looks like one of its tokens; no look-up is made for it."""
        ...

    async def caller(self, credential: str) -> Caller:
        """Return whom the token stands for.

        Raises:
            InvalidCredentialError: it is not valid, or not any more, or not for this service.
            IdentityProviderUnavailableError: the provider's keys cannot be had for now.
        """
        ...
