"""CSRF guard: rejects requests that a page of another origin sends in the name of a local user who needs no key.

Browsers let any page send a POST to any origin, if it has no body or one that a form can have. They do not send an
`Authorization` header to another origin unless that origin allows it, so requests with the header are safe.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from litestar.handlers import BaseRouteHandler

from aether.api.guards.request_validation import Connection
from aether.errors import InvalidCredentialError

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class CsrfGuard:
    """Rejects requests without a key from pages of other origins, except the allowed ones."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Check a request that may change something.

        Raises:
            InvalidCredentialError: it comes from such a page.
        """
        headers = connection.headers
        origin = headers.get("Origin") if connection.scope.get("method") not in _SAFE_METHODS else None
        if origin is None or origin in self._origins or "Authorization" in headers:
            return
        # A proxy may change the Host, but not Sec-Fetch-Site.
        if headers.get("Sec-Fetch-Site") != "same-origin" and _host_of(origin) != headers.get("Host", "").lower():
            raise InvalidCredentialError(
                "A page of another origin needs a key for this, or its origin in AETHER_CORS_ORIGINS.", sent=False
            )


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
