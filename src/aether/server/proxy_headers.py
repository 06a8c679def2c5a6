"""Proxy headers: what a trusted proxy says of the request that it forwards: its scheme, its client and its prefix."""

import re
from collections.abc import Iterable
from functools import lru_cache

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@%-]+)*")

_PROXY_HEADERS = {b"x-forwarded-prefix", b"x-forwarded-proto", b"x-forwarded-for"}


class ProxyHeaders(ProxyHeadersMiddleware):
    """uvicorn's middleware for `X-Forwarded-Proto` and `X-Forwarded-For`, which also applies `X-Forwarded-Prefix`.

    The prefix is the path that the proxy has stripped. It becomes the `root_path` of the request, and its path begins
    with it, as ASGI demands.
    """

    def __init__(self, app: ASGIApp, trusted_hosts: str) -> None:
        super().__init__(app, trusted_hosts)  # type: ignore[arg-type]  # the same ASGI, by another name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]  # as above
        """Handle a request, or the lifespan."""
        if scope["type"] == ScopeType.HTTP and not any(name in _PROXY_HEADERS for name, _ in scope["headers"]):
            await self.app(scope, receive, send)  # type: ignore[arg-type]  # as above
            return
        client = scope.get("client")
        if scope["type"] == ScopeType.HTTP and (client[0] if client else None) in self.trusted_hosts:
            values = tuple(value for name, value in scope["headers"] if name == b"x-forwarded-prefix")
            if values and (prefix := parse_prefix(values)):
                scope["root_path"] = prefix
                scope["path"] = prefix + scope["path"]
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]  # as above


@lru_cache(maxsize=256)
def parse_prefix(values: Iterable[bytes]) -> str:
    """Return the prefix in these lines of the header; empty if it is not a path.

    Each of several proxies in a row adds the part that it has stripped, the outermost first.
    """
    parts = (part.strip().strip("/") for value in values for part in value.decode("latin-1").split(","))
    prefix = "".join(f"/{part}" for part in parts if part)
    return prefix if _PREFIX.fullmatch(prefix) and "/../" not in f"{prefix}/" else ""
