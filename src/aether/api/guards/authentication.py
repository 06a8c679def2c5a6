"""Authentication guard: finds out who calls, and checks that their scope allows the call."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

import structlog
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope as ConnectionScope

from aether.api.guards.request_validation import Connection
from aether.api.state import services_of
from aether.domain.access import Caller, Scope
from aether.errors import ForbiddenError, InvalidCredentialError
from aether.identity.read_tokens import is_read_token
from aether.outbound.addresses import is_loopback

CREDENTIAL_PARAMETER = "access_token"
"""The query parameter that may contain a read token (RFC 6750, 2.3)."""
JOB_ID_PARAMETER = "job_id_parameter"
"""A key in `opt` of handlers that only read one job: the name of the path parameter with the job's id."""


async def authenticate(connection: Connection, handler: BaseRouteHandler) -> None:
    """Set the caller that `caller_of` returns, unless the handler is public. Bind `key_id` to the log.

    Raises:
        InvalidCredentialError: there is no valid credential.
        ForbiddenError, ReadTokenScopeError: the credential does not allow this call.
        IdentityProviderUnavailableError, StoreUnavailableError: the credential cannot be verified now.
    """
    if is_public(connection, handler):
        return
    authenticator = services_of(connection).authenticator
    credential = _credential_of(connection)
    if credential is None:
        caller = await authenticator.authenticate_anonymous(is_local=_is_local(connection.scope))
    else:
        caller = await authenticator.authenticate(credential, _job_id_of(connection, handler))
    if caller.key_id:
        structlog.contextvars.bind_contextvars(key_id=caller.key_id)
    required = required_scope(connection.scope.get("method"), handler)
    if not caller.may(required):
        raise ForbiddenError(required)
    connection.scope["state"]["caller"] = caller


def is_public(connection: Connection, handler: BaseRouteHandler) -> bool:
    """Whether the call needs no credential; a handler declares it with `opt={"public": True}`."""
    # OPTIONS shows only the methods of a path, and browsers send no credentials with it.
    return bool(handler.opt.get("public")) or connection.scope.get("method") == "OPTIONS"


def required_scope(method: object, handler: BaseRouteHandler) -> Scope:
    """Return the scope that a call requires; a handler declares another one with `opt={"scope": …}`."""
    declared: Scope | None = handler.opt.get("scope")
    return declared or (Scope.READ if method == "GET" else Scope.WRITE)


def caller_of(connection: Connection) -> Caller:
    """Return the authenticated caller."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


def _job_id_of(connection: Connection, handler: BaseRouteHandler) -> str | None:
    """Return the id of the job that this request reads; None if it does anything else."""
    name: str | None = handler.opt.get(JOB_ID_PARAMETER)
    return str(connection.path_params[name]) if name else None


def _credential_of(connection: Connection) -> str | None:
    """Return the credential; it must be sent only once, in the header or in the query (RFC 6750, 2)."""
    in_header = _bearer_of(connection.scope["headers"])
    if not connection.scope["query_string"]:
        return in_header
    in_query: list[str] = connection.query_params.getall(CREDENTIAL_PARAMETER, [])
    if not in_query:
        return in_header
    if in_header is not None or len(in_query) > 1:
        raise InvalidCredentialError("Send one credential, and that only once.")
    if not is_read_token(in_query[0]):
        reason = (
            "An address gets into logs and histories, so it may carry nothing but a read token. "
            "Send this in a header instead: Authorization: Bearer …."
        )
        raise InvalidCredentialError(reason)
    return in_query[0]


def _bearer_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the credential after `Bearer` in any case (RFC 6750, 2.1)."""
    values = [value for name, value in headers if name == b"authorization"]
    if not values:
        return None
    if len(values) > 1:
        raise InvalidCredentialError("Send one Authorization header.")
    scheme, _, credential = values[0].decode("latin-1").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidCredentialError("Use the scheme Bearer: Authorization: Bearer aether_….", sent=False)
    if not (credential := credential.lstrip(" ")):
        raise InvalidCredentialError("Nothing stands behind Bearer: Authorization: Bearer aether_….", sent=False)
    return credential


def _is_local(scope: ConnectionScope) -> bool:
    """Whether the caller is a program on this machine, other than a page in a browser or a proxy.

    The connection must use a loopback address or a Unix socket. The Host must be a loopback address too: after DNS
    rebinding, a page's requests have the page's own host name. The client must not be one that a proxy forwards.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    is_local_connection = _is_local_server(scope.get("server")) and _is_local_client(scope.get("client"))
    return is_local_connection and len(hosts) == 1 and _is_loopback_host(hosts[0].decode("latin-1"))


def _is_local_server(server: tuple[str, int | None] | None) -> bool:
    if server is None:
        return False
    address, port = server
    # The address of a Unix socket is its path, without a port.
    return "/" in address if port is None else _is_loopback_host(_as_host(address))


def _is_local_client(client: tuple[str, int] | None) -> bool:
    # Behind a trusted proxy, this is the address in X-Forwarded-For. A Unix socket has none.
    return client is None or _is_loopback_host(_as_host(client[0]))


def _as_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@lru_cache(maxsize=256)
def _is_loopback_host(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return host.partition(":")[0].lower() == "localhost"
