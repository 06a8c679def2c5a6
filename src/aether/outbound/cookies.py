"""Cookies: no client of Aether keeps any, because its calls belong to many owners."""

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """Return a jar for an HTTP client that accepts no cookie and sends none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))
