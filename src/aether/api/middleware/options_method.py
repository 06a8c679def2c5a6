"""OPTIONS method: the methods of a path."""

from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.routes import HTTPRoute
from litestar.types import Message, Scope


async def allow_all_methods(message: Message, scope: Scope) -> None:
    """Name all methods of the path in the `Allow` header; Litestar names only those of one handler."""
    if message["type"] == "http.response.start" and scope.get("method") == "OPTIONS" and "path_template" in scope:
        routes = (route for route in Litestar.from_scope(scope).routes if isinstance(route, HTTPRoute))
        methods = {
            method for route in routes if route.path_format == scope["path_template"] for method in route.methods
        }
        MutableScopeHeaders.from_message(message)["Allow"] = ", ".join(sorted(methods))
