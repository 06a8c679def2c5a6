"""Where a webhook may lead: to the public internet alone, so that nobody reaches through it what only this host can.

The address is checked when it is given, as far as that can be told from its text, and each time it is called, by what
its name means then. Both look at the same parsed URL from which the request is made: there is no second opinion on what
its host is.
"""

import re
from collections.abc import Collection, Sequence

from yarl import URL

from aether.errors import RefusedDestinationError
from aether.outbound.addresses import is_public

_LONGEST_URL = 2_048
_PLAIN = re.compile(r"[!-~]+")
_SCHEMES = frozenset({"http", "https"})
# At most 255 characters, as RFC 1123 has it in 2.1.
_NAME = re.compile(r"(?=.{1,255}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOCAL = (".localhost", ".localdomain", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion")
_NOT_PUBLIC = "must not lead to a private, local or reserved address"


class SsrfPolicy:
    """The rules, and the hosts that are exempt from them: `localhost` on any port, `hooks.test:9000` on this one."""

    def __init__(self, opened: Collection[str] = ()) -> None:
        self._opened = frozenset(map(_host_and_port, opened))

    def parse(self, url: str) -> URL:
        """Return where to go.

        Raises:
            RefusedDestinationError: it may not be gone to, whatever its name means.
        """
        parsed = _parsed(url)
        host = parsed.raw_host
        if parsed.scheme not in _SCHEMES or not host:
            raise RefusedDestinationError("must be an http:// or https:// address")
        if parsed.raw_user is not None or parsed.raw_password is not None:
            raise RefusedDestinationError("must not hold a name or a password")
        if not parsed.port:
            raise RefusedDestinationError("must have a port from 1 to 65535, or none")
        if not self._is_open(host, parsed.port):
            _check_host(host)
        return parsed

    def check(self, url: str) -> None:
        """Find out whether this may be a webhook's address; `parse` without its result."""
        self.parse(url)

    def judge(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Pass what a name was resolved to, if every address is public: which one is called is not ours to choose.

        Raises:
            RefusedDestinationError: one is not.
        """
        if not self._is_open(host, port) and not all(map(is_public, addresses)):
            raise RefusedDestinationError(_NOT_PUBLIC)

    def _is_open(self, host: str, port: int) -> bool:
        return not self._opened.isdisjoint({(host, None), (host, port)})


def _host_and_port(opened: str) -> tuple[str | None, int | None]:
    host = f"[{opened}]" if opened.count(":") > 1 and "[" not in opened else opened
    url = URL(f"http://{host}")
    return url.raw_host, url.explicit_port


def _parsed(url: str) -> URL:
    if len(url) > _LONGEST_URL:
        raise RefusedDestinationError(f"must be at most {_LONGEST_URL} characters long")
    if not _PLAIN.fullmatch(url):
        raise RefusedDestinationError("must be written in ASCII, without spaces")
    try:
        return URL(url)
    except (ValueError, IndexError) as error:  # the latter is yarl's for `http://[]@`
        raise RefusedDestinationError("must be an http:// or https:// address") from error


def _check_host(host: str) -> None:
    """Refuse what no lookup is needed for; an IPv4 address in another notation than four numbers has no good reason."""
    name = host.lower().removesuffix(".")
    if ":" in name or _NUMBER.fullmatch(name.rpartition(".")[2]):
        _check_literal(name)
    elif name == "localhost" or name.endswith(_LOCAL):
        raise RefusedDestinationError(_NOT_PUBLIC)
    elif not _NAME.fullmatch(name):
        raise RefusedDestinationError("must name a host by its full domain name")


def _check_literal(host: str) -> None:
    try:
        public = is_public(host)
    except ValueError as error:
        raise RefusedDestinationError("must write an IP address in its usual form") from error
    if not public:
        raise RefusedDestinationError(_NOT_PUBLIC)
