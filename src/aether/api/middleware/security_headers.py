"""Security headers: what every response tells browsers, unless its handler sets the header itself."""

from collections.abc import Collection

from litestar.types.asgi_types import RawHeadersList

SECURITY_HEADERS: RawHeadersList = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# Without `includeSubDomains`: other hosts of the domain may not have TLS.
HSTS: RawHeadersList = [(b"strict-transport-security", b"max-age=31536000")]
"""For requests that came by TLS."""


def missing_security_headers(names: Collection[bytes]) -> RawHeadersList:
    """Return the security headers that a response with the headers of these names lacks."""
    return [header for header in SECURITY_HEADERS if header[0] not in names]
