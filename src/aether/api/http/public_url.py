"""Public URL: the origin and the path prefix under which callers reach the service, which a proxy may strip."""

from typing import Any, NamedTuple, Self

from litestar import Request


class PublicUrl(NamedTuple):
    """A URL without its final slash: `https://example.com` and `/aether`; both are empty if it is not known."""

    origin: str = ""
    prefix: str = ""

    @classmethod
    def parse(cls, url: str | None) -> Self:
        """Return the parts of `AETHER_PUBLIC_URL`."""
        scheme, separator, rest = (url or "").partition("://")
        host, slash, path = rest.partition("/")
        return cls(scheme + separator + host, (slash + path).rstrip("/"))


UNKNOWN_URL = PublicUrl()


def prefix_of(request: Request[Any, Any, Any]) -> str:  # Any: the user, the credentials and the state are not used
    """Return the path that precedes all paths of this service for the caller; empty at most servers."""
    prefix: str = request.scope["state"]["prefix"]
    return prefix


def origin_of(request: Request[Any, Any, Any]) -> str:  # Any: as above
    """Return the origin of this service for the caller, such as `https://example.com`."""
    public: PublicUrl = request.scope["state"]["public_url"]
    if public.origin and prefix_of(request) == public.prefix:
        return public.origin
    # A proxy has to pass on the caller's Host.
    return f"{request.url.scheme}://{request.url.netloc}"
