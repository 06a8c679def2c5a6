"""Local key: lets the user who started a server call it from the same machine."""

import secrets
from hmac import compare_digest

from aether.domain.access import LOCAL, Caller, Scope
from aether.errors import InvalidCredentialError
from aether.settings import Secret

_PREFIX = "aether-local_"  # different from that of stored keys
_CALLER = Caller(LOCAL, frozenset({Scope.ADMIN}))


class LocalKey:
    """A key for owner `local` with all scopes; it lives as long as the process and is never stored."""

    def __init__(self) -> None:
        self.secret = Secret(_PREFIX + secrets.token_urlsafe(32))

    def matches(self, credential: str) -> bool:
        """Whether the credential starts like a local key."""
        return credential.startswith(_PREFIX)

    async def verify(self, credential: str) -> Caller:
        """Return the caller for the server's own user.

        Raises:
            InvalidCredentialError: the key belongs to another process.
        """
        if not compare_digest(credential.encode(), self.secret.reveal().encode()):
            raise InvalidCredentialError("The key was lent by a server that has ended.")
        return _CALLER
