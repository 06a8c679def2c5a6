"""The key that a server lends to its own user on its own machine."""

import secrets
from hmac import compare_digest

from aether.domain.access import LOCAL, Caller, Scope
from aether.errors import InvalidCredentialError
from aether.settings import Secret

_PREFIX = "aether-local_"  # not that of keys which are kept
_CALLER = Caller(LOCAL, frozenset({Scope.ADMIN}))


class LocalKey:
    """A key for `local` and everything, new with each process and gone with it: no store ever knows it."""

    def __init__(self) -> None:
        self.secret = Secret(_PREFIX + secrets.token_urlsafe(32))

    def takes(self, credential: str) -> bool:
        """Whether it begins as such keys do."""
        return credential.startswith(_PREFIX)

    async def caller(self, credential: str) -> Caller:
        """Return who the server's own user is.

        Raises:
            InvalidCredentialError: it is the key of another process.
        """
        if not compare_digest(credential.encode(), self.secret.reveal().encode()):
            raise InvalidCredentialError("The key was lent by a server that has ended.")
        return _CALLER
