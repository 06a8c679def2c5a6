"""Pages that would act in the name of whoever has them open, where nobody needs a key.

A browser lets any page send a POST anywhere, if only it has no body or one that a form could have; what the page cannot
do is read the answer. A header such as Authorization is sent to another origin only if that one has agreed.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from litestar.handlers import BaseRouteHandler

from aether.api.guards.request_validation import Connection
from aether.errors import InvalidCredentialError

_READS = ("GET", "HEAD", "OPTIONS")


class CsrfGuard:
    """Refuses what a page of another origin asks for without a key, unless its origin is one of those that may."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Refuse what changes something.

        Raises:
            InvalidCredentialError: it comes from such a page.
        """
        headers = connection.headers
        origin = headers.get("Origin") if connection.scope.get("method") not in _READS else None
        if origin is None or origin in self._origins or "Authorization" in headers:
            return
        # A proxy in front may have changed the Host, but not what the browser says.
        if headers.get("Sec-Fetch-Site") != "same-origin" and _host_of(origin) != headers.get("Host", "").lower():
            raise InvalidCredentialError(
                "A page of another origin needs a key for this, or its origin in AETHER_CORS_ORIGINS.", sent=False
            )


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
