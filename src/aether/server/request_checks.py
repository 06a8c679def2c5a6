"""What a request's head must be like to be read, and in one way only (RFC 9112, 3.2, 6 and 11.2).

The parser has refused by then what is not HTTP: two lengths, a length beside chunks, folded lines, control characters.
"""

from litestar.types.asgi_types import RawHeadersList

from aether.api.middleware.body_timeout import HeadersTooLargeError, MalformedRequestError, UriTooLongError
from aether.errors import AetherError

LONGEST_HEAD = 32_768
LONGEST_TARGET = 8_192
MOST_LINES = 100

_VERSIONS = ("1.1", "1.0")


def check_head(method: bytes, target: bytes, version: str, lines: RawHeadersList) -> None:
    """Refuse what is too large, and what could be read in more than one way.

    Raises:
        UriTooLongError: the target is longer than `LONGEST_TARGET`.
        HeadersTooLargeError: there are more than `MOST_LINES`, or more than `LONGEST_HEAD` bytes in them.
        MalformedRequestError: it has no clear host, length, target or version.
    """
    if len(target) > LONGEST_TARGET:
        raise UriTooLongError(LONGEST_TARGET)
    size, hosts, codings = 0, [], []
    for name, value in lines:
        size += len(name) + len(value)
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            codings.append(value.lower())
    if len(lines) > MOST_LINES or size > LONGEST_HEAD:
        raise HeadersTooLargeError(MOST_LINES, LONGEST_HEAD)
    if version not in _VERSIONS:
        raise MalformedRequestError("Only HTTP/1.1 is spoken here.")
    _check_codings(codings, version)
    _check_target(method, target, _host(hosts, version))


def oversize(target: bytes, lines: RawHeadersList) -> AetherError:
    """Tell what is too large of a head that has not come to its end, of which so much is known."""
    long = len(target) > LONGEST_TARGET and not lines
    return UriTooLongError(LONGEST_TARGET) if long else HeadersTooLargeError(MOST_LINES, LONGEST_HEAD)


def _check_codings(codings: list[bytes], version: str) -> None:
    # HTTP/1.0 has none; who sends one has been changed on the way (RFC 9112, 6.1).
    if codings and (codings != [b"chunked"] or version == "1.0"):
        raise MalformedRequestError("Transfer-Encoding may only be chunked, once, and in HTTP/1.1.")


def _host(hosts: list[bytes], version: str) -> bytes:
    if len(hosts) != 1 and (hosts or version == "1.1"):
        raise MalformedRequestError("A request has one Host.")
    return hosts[0] if hosts else b""


def _check_target(method: bytes, target: bytes, host: bytes) -> None:
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return
    scheme, _, rest = target.partition(b"://")
    if scheme.lower() not in (b"http", b"https"):
        raise MalformedRequestError("The request's target is no path.")
    # A proxy in front that heeds the other one would have let through what was meant for somebody else.
    if rest.partition(b"/")[0].partition(b"?")[0].lower() != host.lower():
        raise MalformedRequestError("The request's target names another host than its Host.")
