"""Who calls, and whether they may."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

import structlog
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope as Asked

from aether.api.guards.request_validation import Connection
from aether.api.jobs.read_tokens import PARAMETER
from aether.api.state import services_of
from aether.domain.access import Caller, Scope
from aether.errors import ForbiddenError, InvalidCredentialError
from aether.identity.read_tokens import is_read_token
from aether.outbound.addresses import is_loopback

READS = "reads"
"""What a handler declares that reads one job and does nothing else: the name of the id in its path."""


async def authenticate(connection: Connection, handler: BaseRouteHandler) -> None:
    """Find out who calls, for `caller_of`, unless anybody may; a key is bound for the log as `key_id`.

    Raises:
        InvalidCredentialError: nobody can say who calls, or they are not known here.
        ForbiddenError, ReadTokenScopeError: they may not do this.
        IdentityProviderUnavailableError, StoreUnavailableError: nobody can say now.
    """
    asked = connection.scope
    if is_public(connection, handler):
        return
    authenticator = services_of(connection).authenticator
    credential = _credential_of(connection)
    if credential is None:
        caller = await authenticator.authenticate_anonymous(is_local=_is_from_here(asked))
    else:
        caller = await authenticator.authenticate(credential, _job_read(connection, handler))
    if caller.key_id:
        structlog.contextvars.bind_contextvars(key_id=caller.key_id)
    needed = scope_of(asked.get("method"), handler)
    if not caller.may(needed):
        raise ForbiddenError(needed)
    asked["state"]["caller"] = caller


def is_public(connection: Connection, handler: BaseRouteHandler) -> bool:
    """Whether anybody may call this: a handler declares it by `opt={"public": True}`."""
    # OPTIONS tells nothing but the methods of a path, and browsers send no credentials with it.
    return bool(handler.opt.get("public")) or connection.scope.get("method") == "OPTIONS"


def scope_of(method: object, handler: BaseRouteHandler) -> Scope:
    """Return what it takes to call this; a handler that wants another scope declares it by `opt={"scope": …}`."""
    declared: Scope | None = handler.opt.get("scope")
    return declared or (Scope.READ if method == "GET" else Scope.WRITE)


def caller_of(connection: Connection) -> Caller:
    """Return who calls."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


def _job_read(connection: Connection, handler: BaseRouteHandler) -> str | None:
    """Return the id of the job that this request reads, if that is all it does."""
    name: str | None = handler.opt.get(READS)
    return str(connection.path_params[name]) if name else None


def _credential_of(connection: Connection) -> str | None:
    """Return what was sent, if anything was, by one way only (RFC 6750, 2)."""
    in_header = _bearer_of(connection.scope["headers"])
    if not connection.scope["query_string"]:
        return in_header
    given: list[str] = connection.query_params.getall(PARAMETER, [])
    if not given:
        return in_header
    if in_header is not None or len(given) > 1:
        raise InvalidCredentialError("Send one credential, and that only once.")
    if not is_read_token(given[0]):
        why = (
            "An address gets into logs and histories, so it may carry nothing but a read token. "
            "Send this in a header instead: Authorization: Bearer …."
        )
        raise InvalidCredentialError(why)
    return given[0]


def _bearer_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return what is behind `Bearer` (RFC 6750, 2.1); the scheme's case does not matter."""
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent:
        return None
    if len(sent) > 1:
        raise InvalidCredentialError("Send one Authorization header.")
    scheme, _, credential = sent[0].decode("latin-1").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidCredentialError("Use the scheme Bearer: Authorization: Bearer aether_….", sent=False)
    if not (credential := credential.lstrip(" ")):
        raise InvalidCredentialError("Nothing stands behind Bearer: Authorization: Bearer aether_….", sent=False)
    return credential


def _is_from_here(asked: Asked) -> bool:
    """Whether the caller is on this machine, and no page that a browser was led from to here by a name of its own.

    So the connection has to have come in by a loopback address or a socket of this machine, and the Host to be one such
    address too: the name behind which a page rebinds its own address is not. Nor is it somebody for whom a proxy asks.
    """
    hosts = [value for name, value in asked["headers"] if name == b"host"]
    here = _is_own(asked.get("server")) and _is_on_behalf_of_none(asked.get("client"))
    return here and len(hosts) == 1 and _is_loopback_host(hosts[0].decode("latin-1"))


def _is_own(server: tuple[str, int | None] | None) -> bool:
    if server is None:
        return False
    address, port = server
    # Of a Unix socket it is the path, without a port.
    return "/" in address if port is None else _is_loopback_host(_as_host(address))


def _is_on_behalf_of_none(client: tuple[str, int] | None) -> bool:
    # A server puts the address that a trusted proxy names here (X-Forwarded-For); a Unix socket has none.
    return client is None or _is_loopback_host(_as_host(client[0]))


def _as_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@lru_cache(maxsize=256)
def _is_loopback_host(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return host.partition(":")[0].lower() == "localhost"
