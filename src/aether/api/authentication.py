"""Who calls."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from aether.domain.access import LOCAL, Caller, Scope

_ANYBODY = Caller(LOCAL, frozenset({Scope.ADMIN}))


async def authenticate(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Find out who calls, for `caller_of`."""
    connection.scope["state"]["caller"] = _ANYBODY


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Return who calls."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller
