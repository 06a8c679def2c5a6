"""Request checks: limits on a request's head, and rules against ambiguous requests (RFC 9112, 3.2, 6 and 11.2).

The parser has already rejected what is not HTTP: two lengths, a length together with chunks, folded lines, control
characters.
"""

from litestar.types.asgi_types import RawHeadersList

from aether.api.http.request_errors import HeadersTooLargeError, MalformedRequestError, UriTooLongError
from aether.errors import AetherError

MAX_HEAD_BYTES = 32_768
MAX_TARGET_BYTES = 8_192
MAX_HEADERS = 100

_VERSIONS = ("1.1", "1.0")


def check_head(method: bytes, target: bytes, version: str, headers: RawHeadersList) -> None:
    """Reject a head that is too large or ambiguous.

    Raises:
        UriTooLongError: the target is longer than `MAX_TARGET_BYTES`.
        HeadersTooLargeError: there are more than `MAX_HEADERS`, or more than `MAX_HEAD_BYTES` in them.
        MalformedRequestError: host, length, target or version is invalid or ambiguous.
    """
    if len(target) > MAX_TARGET_BYTES:
        raise UriTooLongError(MAX_TARGET_BYTES)
    size, hosts, codings = 0, [], []
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            codings.append(value.lower())
    if len(headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
        raise HeadersTooLargeError(MAX_HEADERS, MAX_HEAD_BYTES)
    if version not in _VERSIONS:
        raise MalformedRequestError("Only HTTP/1.1 is spoken here.")
    _check_codings(codings, version)
    _check_target(method, target, _host(hosts, version))


def oversize_error(target: bytes, headers: RawHeadersList) -> AetherError:
    """Return the error for a head that is too large before it is complete; both arguments are what arrived so far."""
    is_target = len(target) > MAX_TARGET_BYTES and not headers
    return UriTooLongError(MAX_TARGET_BYTES) if is_target else HeadersTooLargeError(MAX_HEADERS, MAX_HEAD_BYTES)


def _check_codings(codings: list[bytes], version: str) -> None:
    # HTTP/1.0 has no transfer codings; a message with one was altered on its way (RFC 9112, 6.1).
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
    # A proxy in front may have applied its rules to the other host.
    if rest.partition(b"/")[0].partition(b"?")[0].lower() != host.lower():
        raise MalformedRequestError("The request's target names another host than its Host.")
