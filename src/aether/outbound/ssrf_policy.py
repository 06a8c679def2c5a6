"""SSRF policy: webhooks may only call the public internet, not services that only this host can reach.

A URL is checked when it is submitted, as far as possible without a DNS lookup, and again at each request, with the
addresses that its host resolves to then. Both checks and the request use the same parsed URL, so that two parsers
cannot disagree about its host.
"""

import re
from collections.abc import Collection, Sequence

from yarl import URL

from aether.errors import RefusedDestinationError
from aether.outbound.addresses import is_public

_MAX_URL_LENGTH = 2_048
_ASCII = re.compile(r"[!-~]+")
_SCHEMES = frozenset({"http", "https"})
# At most 255 characters (RFC 1123, 2.1).
_HOST_NAME = re.compile(r"(?=.{1,255}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOCAL_SUFFIXES = (".localhost", ".localdomain", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion")
_NOT_PUBLIC = "must not lead to a private, local or reserved address"


class SsrfPolicy:
    """The rules, and the hosts exempt from them: `localhost` for any port, `hooks.test:9000` for one."""

    def __init__(self, exempt: Collection[str] = (), max_url_length: int = _MAX_URL_LENGTH) -> None:
        self._exempt = frozenset(map(_host_and_port, exempt))
        self._max_url_length = max_url_length

    def parse(self, url: str) -> URL:
        """Parse a URL and check it without a DNS lookup.

        Raises:
            RefusedDestinationError: the URL must not be called, whatever its host resolves to.
        """
        parsed = _parsed(url, self._max_url_length)
        host = parsed.raw_host
        if parsed.scheme not in _SCHEMES or not host:
            raise RefusedDestinationError("must be an http:// or https:// address")
        if parsed.raw_user is not None or parsed.raw_password is not None:
            raise RefusedDestinationError("must not hold a name or a password")
        if not parsed.port:
            raise RefusedDestinationError("must have a port from 1 to 65535, or none")
        if not self._is_exempt(host, parsed.port):
            _check_host(host)
        return parsed

    def check_url(self, url: str) -> None:
        """Check a URL without a DNS lookup; like `parse`, without its result."""
        self.parse(url)

    def check_addresses(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Check the addresses that a host resolves to; all must be public, because any of them may be called.

        Raises:
            RefusedDestinationError: one is not public.
        """
        if not self._is_exempt(host, port) and not all(map(is_public, addresses)):
            raise RefusedDestinationError(_NOT_PUBLIC)

    def _is_exempt(self, host: str, port: int) -> bool:
        return not self._exempt.isdisjoint({(host, None), (host, port)})


def _host_and_port(entry: str) -> tuple[str | None, int | None]:
    host = f"[{entry}]" if entry.count(":") > 1 and "[" not in entry else entry
    url = URL(f"http://{host}")
    return url.raw_host, url.explicit_port


def _parsed(url: str, max_length: int) -> URL:
    if len(url) > max_length:
        raise RefusedDestinationError(f"must be at most {max_length} characters long")
    if not _ASCII.fullmatch(url):
        raise RefusedDestinationError("must be written in ASCII, without spaces")
    try:
        return URL(url)
    except (ValueError, IndexError) as error:  # yarl raises IndexError for `http://[]@`
        raise RefusedDestinationError("must be an http:// or https:// address") from error


def _check_host(host: str) -> None:
    """Check a host without a DNS lookup; IPv4 addresses are accepted only as four decimal numbers."""
    name = host.lower().removesuffix(".")
    if ":" in name or _NUMBER.fullmatch(name.rpartition(".")[2]):
        _check_literal(name)
    elif name == "localhost" or name.endswith(_LOCAL_SUFFIXES):
        raise RefusedDestinationError(_NOT_PUBLIC)
    elif not _HOST_NAME.fullmatch(name):
        raise RefusedDestinationError("must name a host by its full domain name")


def _check_literal(host: str) -> None:
    try:
        public = is_public(host)
    except ValueError as error:
        raise RefusedDestinationError("must write an IP address in its usual form") from error
    if not public:
        raise RefusedDestinationError(_NOT_PUBLIC)
